"""Channels and endpoints, made with boto3 as anybody would."""

from dataclasses import dataclass

import boto3
from botocore.config import Config

from .server import ACCESS_KEY, SECRET_KEY, Server


def client(server: Server, service: str = "mediapackage", access_key: str = ACCESS_KEY, secret: str = SECRET_KEY,
           region: str = "us-east-1"):
    return boto3.client(service, endpoint_url=server.url, region_name=region, aws_access_key_id=access_key,
                        aws_secret_access_key=secret, config=Config(retries={"max_attempts": 1}))


@dataclass(frozen=True)
class Ingest:
    """One of a channel's doors for encoders. `url` ends with `/channel`."""

    id: str
    url: str
    username: str
    password: str

    @property
    def folder(self) -> str:
        return self.url.rsplit("/", 1)[0]

    @property
    def folder_with_credentials(self) -> str:
        return self.folder.replace("://", f"://{self.username}:{self.password}@", 1)


@dataclass(frozen=True)
class Channel:
    id: str
    ingests: list[Ingest]


def create_channel(mediapackage, channel_id: str) -> Channel:
    return _channel(mediapackage.create_channel(Id=channel_id))


def rotate(mediapackage, channel_id: str, ingest_id: str) -> Channel:
    return _channel(mediapackage.rotate_ingest_endpoint_credentials(Id=channel_id, IngestEndpointId=ingest_id))


def _channel(answer: dict) -> Channel:
    ingests = [Ingest(i["Id"], i["Url"], i["Username"], i["Password"]) for i in answer["HlsIngest"]["IngestEndpoints"]]
    return Channel(answer["Id"], ingests)


HLS_MUXED = {"HlsPackage": {"SegmentDurationSeconds": 4, "PlaylistWindowSeconds": 40, "ProgramDateTimeIntervalSeconds": 4}}
HLS_GROUPS = {"HlsPackage": {"SegmentDurationSeconds": 2, "PlaylistWindowSeconds": 40, "UseAudioRenditionGroup": True,
                             "ProgramDateTimeIntervalSeconds": 10}}


def dash(template: str) -> dict:
    return {"DashPackage": {"SegmentDurationSeconds": 2, "ManifestWindowSeconds": 40, "MinUpdatePeriodSeconds": 2,
                            "MinBufferTimeSeconds": 4, "SuggestedPresentationDelaySeconds": 10,
                            "SegmentTemplateFormat": template}}


ENDPOINTS = {
    "hls-muxed": HLS_MUXED,
    "hls-groups": HLS_GROUPS,
    "dash-number-timeline": dash("NUMBER_WITH_TIMELINE"),
    "dash-time-timeline": dash("TIME_WITH_TIMELINE"),
    "dash-number-duration": dash("NUMBER_WITH_DURATION"),
}


def create_endpoints(mediapackage, channel: Channel, names=tuple(ENDPOINTS)) -> dict[str, str]:
    """The playback URL of each endpoint by its name in `ENDPOINTS`."""
    urls = {}
    for name in names:
        answer = mediapackage.create_origin_endpoint(ChannelId=channel.id, Id=f"{channel.id}-{name}", **ENDPOINTS[name])
        urls[name] = answer["Url"]
    return urls
