"""Requests with every member set, and what the service answers to them. Names are those of boto3."""

SPEKE = {
    "ResourceId": "arena",
    "RoleArn": "arn:aws:iam::123456789012:role/speke",
    "SystemIds": ["edef8ba9-79d6-4ace-a3c8-27dcd51d21ed"],
    "Url": "https://keys.example.net/copyProtection",
    "CertificateArn": "arn:aws:acm:us-east-1:123456789012:certificate/1234",
}
CONTRACT = {
    "EncryptionContractConfiguration": {
        "PresetSpeke20Audio": "PRESET-AUDIO-2",
        "PresetSpeke20Video": "PRESET-VIDEO-3",
    }
}
SELECTION = {
    "MinVideoBitsPerSecond": 100_000,
    "MaxVideoBitsPerSecond": 8_000_000,
    "StreamOrder": "VIDEO_BITRATE_DESCENDING",
}
TRIGGERS = [
    "SPLICE_INSERT",
    "BREAK",
    "PROVIDER_ADVERTISEMENT",
    "DISTRIBUTOR_ADVERTISEMENT",
    "PROVIDER_PLACEMENT_OPPORTUNITY",
    "DISTRIBUTOR_PLACEMENT_OPPORTUNITY",
    "PROVIDER_OVERLAY_PLACEMENT_OPPORTUNITY",
    "DISTRIBUTOR_OVERLAY_PLACEMENT_OPPORTUNITY",
]
AUTHORIZATION = {
    "CdnIdentifierSecret": "arn:aws:secretsmanager:us-east-1:123456789012:secret:cdn-AbCdEf",
    "SecretsRoleArn": "arn:aws:iam::123456789012:role/cdn",
}

FULL_PACKAGES = {
    "HlsPackage": {
        "AdMarkers": "DATERANGE",
        "AdTriggers": TRIGGERS,
        "AdsOnDeliveryRestrictions": "BOTH",
        "Encryption": {
            "ConstantInitializationVector": "00112233445566778899aabbccddeeff",
            "EncryptionMethod": "SAMPLE_AES",
            "KeyRotationIntervalSeconds": 300,
            "RepeatExtXKey": True,
            "SpekeKeyProvider": SPEKE,
        },
        "IncludeDvbSubtitles": True,
        "IncludeIframeOnlyStream": True,
        "PlaylistType": "EVENT",
        "PlaylistWindowSeconds": 120,
        "ProgramDateTimeIntervalSeconds": 10,
        "SegmentDurationSeconds": 4,
        "StreamSelection": SELECTION,
        "UseAudioRenditionGroup": True,
    },
    "DashPackage": {
        "AdTriggers": [],
        "AdsOnDeliveryRestrictions": "UNRESTRICTED",
        "Encryption": {"KeyRotationIntervalSeconds": 0, "SpekeKeyProvider": {**SPEKE, **CONTRACT}},
        "IncludeIframeOnlyStream": True,
        "ManifestLayout": "DRM_TOP_LEVEL_COMPACT",
        "ManifestWindowSeconds": 90,
        "MinBufferTimeSeconds": 4,
        "MinUpdatePeriodSeconds": 2,
        "PeriodTriggers": ["ADS"],
        "Profile": "DVB_DASH_2014",
        "SegmentDurationSeconds": 3,
        "SegmentTemplateFormat": "TIME_WITH_TIMELINE",
        "StreamSelection": SELECTION,
        "SuggestedPresentationDelaySeconds": 12,
        "UtcTiming": "HTTP-XSDATE",
        "UtcTimingUri": "https://time.example.net/xsdate",
    },
    "MssPackage": {
        "Encryption": {"SpekeKeyProvider": SPEKE},
        "ManifestWindowSeconds": 90,
        "SegmentDurationSeconds": 3,
        "StreamSelection": SELECTION,
    },
    "CmafPackage": {
        "Encryption": {
            "ConstantInitializationVector": "00112233445566778899aabbccddeeff",
            "EncryptionMethod": "AES_CTR",
            "KeyRotationIntervalSeconds": 0,
            "SpekeKeyProvider": {**SPEKE, **CONTRACT},
        },
        "HlsManifests": [
            {
                "AdMarkers": "SCTE35_ENHANCED",
                "AdTriggers": ["BREAK"],
                "AdsOnDeliveryRestrictions": "NONE",
                "Id": "first",
                "IncludeIframeOnlyStream": True,
                "ManifestName": "own",
                "PlaylistType": "VOD",
                "PlaylistWindowSeconds": 30,
                "ProgramDateTimeIntervalSeconds": 6,
            }
        ],
        "SegmentDurationSeconds": 3,
        "SegmentPrefix": "prefix",
        "StreamSelection": SELECTION,
    },
}

# What the service makes of an empty package.
DEFAULT_PACKAGES = {
    "HlsPackage": {
        "AdMarkers": "NONE",
        "IncludeDvbSubtitles": False,
        "IncludeIframeOnlyStream": False,
        "PlaylistType": "NONE",
        "PlaylistWindowSeconds": 60,
        "ProgramDateTimeIntervalSeconds": 0,
        "SegmentDurationSeconds": 6,
        "UseAudioRenditionGroup": False,
    },
    "DashPackage": {
        "IncludeIframeOnlyStream": False,
        "ManifestLayout": "FULL",
        "ManifestWindowSeconds": 60,
        "MinBufferTimeSeconds": 30,
        "MinUpdatePeriodSeconds": 15,
        "PeriodTriggers": [],
        "Profile": "NONE",
        "SegmentDurationSeconds": 2,
        "SegmentTemplateFormat": "NUMBER_WITH_TIMELINE",
        "SuggestedPresentationDelaySeconds": 25,
        "UtcTiming": "NONE",
    },
    "MssPackage": {"ManifestWindowSeconds": 60, "SegmentDurationSeconds": 2},
}

# Requests of UpdateOriginEndpoint and CreateOriginEndpoint that break a rule, and the member that the error names.
BROKEN_RULES = [
    ({"HlsPackage": {"SegmentDurationSeconds": 0}}, "hlsPackage.segmentDurationSeconds"),
    ({"HlsPackage": {"PlaylistWindowSeconds": 301}}, "hlsPackage.playlistWindowSeconds"),
    ({"HlsPackage": {"AdMarkers": "DATERANGE"}}, "hlsPackage.programDateTimeIntervalSeconds"),
    ({"HlsPackage": {"PlaylistType": "LIVE"}}, "hlsPackage.playlistType"),
    ({"HlsPackage": {"AdTriggers": ["OTHER"]}}, "hlsPackage.adTriggers"),
    (
        {"HlsPackage": {"StreamSelection": {"MinVideoBitsPerSecond": 2, "MaxVideoBitsPerSecond": 1}}},
        "hlsPackage.streamSelection.minVideoBitsPerSecond",
    ),
    (
        {"HlsPackage": {"Encryption": {"SpekeKeyProvider": {**SPEKE, "SystemIds": []}}}},
        "hlsPackage.encryption.spekeKeyProvider.systemIds",
    ),
    (
        {"HlsPackage": {"Encryption": {"ConstantInitializationVector": "00", "SpekeKeyProvider": SPEKE}}},
        "hlsPackage.encryption.constantInitializationVector",
    ),
    (
        {"HlsPackage": {"Encryption": {"SpekeKeyProvider": {**SPEKE, **CONTRACT}}}},
        "hlsPackage.encryption.spekeKeyProvider.encryptionContractConfiguration",
    ),
    (
        {
            "DashPackage": {
                "Encryption": {"KeyRotationIntervalSeconds": 60, "SpekeKeyProvider": {**SPEKE, **CONTRACT}},
            }
        },
        "dashPackage.encryption.keyRotationIntervalSeconds",
    ),
    (
        {"DashPackage": {"SegmentTemplateFormat": "NUMBER_WITH_DURATION", "PeriodTriggers": ["ADS"]}},
        "dashPackage.segmentTemplateFormat",
    ),
    ({"DashPackage": {"Profile": "HYBRIDCAST", "PeriodTriggers": ["ADS"]}}, "dashPackage.profile"),
    ({"CmafPackage": {"HlsManifests": []}}, "cmafPackage.hlsManifests"),
    ({"CmafPackage": {"HlsManifests": [{"Id": "a"}, {"Id": "a"}]}}, "cmafPackage.hlsManifests[1].id"),
    (
        {
            "CmafPackage": {
                "HlsManifests": [{"Id": "a"}],
                "Encryption": {"EncryptionMethod": "AES_CTR", "SpekeKeyProvider": SPEKE},
            }
        },
        "cmafPackage.encryption.encryptionMethod",
    ),
    ({"MssPackage": {"ManifestWindowSeconds": 0}}, "mssPackage.manifestWindowSeconds"),
    ({"HlsPackage": {}, "MssPackage": {}}, "both hlsPackage and mssPackage"),
    ({}, "exactly one of hlsPackage"),
    ({"HlsPackage": {}, "ManifestName": "a/b"}, "manifestName"),
    ({"HlsPackage": {}, "StartoverWindowSeconds": 1_209_601}, "startoverWindowSeconds"),
    ({"HlsPackage": {}, "TimeDelaySeconds": 4}, "timeDelaySeconds"),
    ({"HlsPackage": {}, "TimeDelaySeconds": 60, "StartoverWindowSeconds": 60}, "timeDelaySeconds"),
    ({"HlsPackage": {}, "Whitelist": ["10.0.0.0/8", "::/0"]}, "whitelist[1]"),
    ({"HlsPackage": {}, "Origination": "MAYBE"}, "origination"),
    ({"HlsPackage": {}, "Tags": {"aws:x": "1"}}, "tag key"),
    (
        {"HlsPackage": {}, "Authorization": {**AUTHORIZATION, "CdnIdentifierSecret": "secret"}},
        "authorization.cdnIdentifierSecret",
    ),
]
