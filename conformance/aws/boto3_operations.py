#!/usr/bin/env python3
"""boto3 runs every operation of mediapackage and checks every member of every answer, and the shape of errors."""

import itertools
import json
import re
import sys
import time
import urllib.error
import urllib.request

import boto3
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials
from botocore.exceptions import ClientError

import target
from settings import AUTHORIZATION, BROKEN_RULES, DEFAULT_PACKAGES, FULL_PACKAGES
from target import Report, same

GUID = re.compile(r"[0-9a-f]{32}").fullmatch
SECOND = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ").fullmatch


def client(url, access_key=target.ACCESS_KEY, secret=target.SECRET_KEY, region=target.REGION):
    return boto3.client("mediapackage", endpoint_url=url, region_name=region, aws_access_key_id=access_key,
                        aws_secret_access_key=secret,
                        config=Config(parameter_validation=False, retries={"max_attempts": 2, "mode": "standard"}))


def plain(answer):
    return {key: value for key, value in answer.items() if key != "ResponseMetadata"}


def refused(report, name, status, code, says, call, *arguments, **members):
    try:
        answer = call(*arguments, **members)
    except ClientError as error:
        response = error.response
        seen = (response["ResponseMetadata"]["HTTPStatusCode"], response["Error"]["Code"])
        text = response["Error"]["Message"]
        tries = response["ResponseMetadata"]["RetryAttempts"]
        report.check(name, seen == (status, code) and says in text and (tries == 0 or status == 429),
                     f"{seen}, {tries} retries: {text[:160]}")
        return error
    report.fail(name, f"was accepted: {plain(answer)}")
    return None


def channels(report, mediapackage, account):
    created = mediapackage.create_channel(Id="arena", Description="first", Tags={"team": "a b", "env": "dev"})
    report.check("CreateChannel answers 200", created["ResponseMetadata"]["HTTPStatusCode"] == 200)
    channel = plain(created)
    doors = channel["HlsIngest"]["IngestEndpoints"]
    guid = channel["Arn"].rsplit("/", 1)[1]

    def door(identifier):
        return {"Id": identifier, "Username": GUID, "Password": GUID,
                "Url": lambda url: url.endswith(f"/in/v2/{guid}/{identifier}/channel")}

    same(report, "CreateChannel answers every member", {
        "Arn": lambda arn: re.fullmatch(rf"arn:aws:mediapackage:us-east-1:{account}:channels/[0-9a-f]{{32}}", arn),
        "CreatedAt": SECOND,
        "Description": "first",
        "HlsIngest": {"IngestEndpoints": [door(guid), door(doors[1]["Id"])]},
        "Id": "arena",
        "Tags": {"team": "a b", "env": "dev"},
    }, channel)
    report.check("the two ingest endpoints differ", len({d["Id"] for d in doors} | {d["Password"] for d in doors}) == 4)
    same(report, "DescribeChannel", channel, plain(mediapackage.describe_channel(Id="arena")))

    channel["Description"] = "second"
    same(report, "UpdateChannel", channel, plain(mediapackage.update_channel(Id="arena", Description="second")))
    same(report, "UpdateChannel without description changes nothing", channel,
         plain(mediapackage.update_channel(Id="arena")))

    channel["EgressAccessLogs"] = {"LogGroupName": "/aws/MediaPackage/EgressAccessLogs"}
    channel["IngressAccessLogs"] = {"LogGroupName": "/aws/MediaPackage/own"}
    same(report, "ConfigureLogs switches both on", channel, plain(mediapackage.configure_logs(
        Id="arena", EgressAccessLogs={}, IngressAccessLogs={"LogGroupName": "/aws/MediaPackage/own"})))
    del channel["EgressAccessLogs"], channel["IngressAccessLogs"]
    same(report, "ConfigureLogs without members switches both off", channel, plain(mediapackage.configure_logs(Id="arena")))

    for name, call, index in [
        ("RotateIngestEndpointCredentials",
         lambda: mediapackage.rotate_ingest_endpoint_credentials(Id="arena", IngestEndpointId=doors[1]["Id"]), 1),
        ("RotateChannelCredentials", lambda: mediapackage.rotate_channel_credentials(Id="arena"), 0),
    ]:
        old = channel["HlsIngest"]["IngestEndpoints"][index]
        channel["HlsIngest"]["IngestEndpoints"][index] = {
            **old,
            "Username": lambda new, old=old: GUID(new) and new != old["Username"],
            "Password": lambda new, old=old: GUID(new) and new != old["Password"],
        }
        rotated = plain(call())
        same(report, name, channel, rotated)
        channel = rotated
    same(report, "DescribeChannel after rotation", channel, plain(mediapackage.describe_channel(Id="arena")))

    refused(report, "a duplicate channel", 422, "UnprocessableEntityException", "exists already",
            mediapackage.create_channel, Id="arena")
    for identifier in ["", "a b", "a/b", "ä", "x" * 257]:
        refused(report, f"channel id {identifier[:10]!r}", 422, "UnprocessableEntityException", "id must be",
                mediapackage.create_channel, Id=identifier)
    refused(report, "a channel without id", 422, "UnprocessableEntityException", "`id`", mediapackage.create_channel)
    error = refused(report, "an unknown channel", 404, "NotFoundException", '"none"',
                    mediapackage.describe_channel, Id="none")
    report.check("errors are the classes of the model", isinstance(error, mediapackage.exceptions.NotFoundException))
    refused(report, "an unknown ingest endpoint", 404, "NotFoundException", '"none"',
            mediapackage.rotate_ingest_endpoint_credentials, Id="arena", IngestEndpointId="none")
    refused(report, "a foreign log group", 422, "UnprocessableEntityException", "egressAccessLogs.logGroupName",
            mediapackage.configure_logs, Id="arena", EgressAccessLogs={"LogGroupName": "mine"})
    return channel


def endpoints(report, mediapackage, account):
    files = {"HlsPackage": "live.m3u8", "DashPackage": "live.mpd", "MssPackage": "live.ism/Manifest", "CmafPackage": ""}
    for package, members in FULL_PACKAGES.items():
        sent = {"Id": f"full-{package}", "ChannelId": "arena", "Description": "d", "ManifestName": "live",
                "StartoverWindowSeconds": 7200, "TimeDelaySeconds": 30, "Whitelist": ["192.0.2.0/24", "10.0.0.0/8"],
                "Origination": "DENY", "Authorization": AUTHORIZATION, "Tags": {"k": "v"}, package: members}
        created = plain(mediapackage.create_origin_endpoint(**sent))
        guid = created["Arn"].rsplit("/", 1)[1]
        file = files[package]
        expected = {
            **sent,
            "Arn": lambda arn: re.fullmatch(rf"arn:aws:mediapackage:us-east-1:{account}:origin_endpoints/[0-9a-f]{{32}}", arn),
            "CreatedAt": SECOND,
            "Url": (lambda url, guid=guid, file=file: url.endswith(f"/out/v1/{guid}/{file}")) if file else "",
        }
        if package == "CmafPackage":
            manifest = {**members["HlsManifests"][0],
                        "Url": lambda url, guid=guid: url.endswith(f"/out/v1/{guid}/first/own.m3u8")}
            expected[package] = {**members, "HlsManifests": [manifest]}
        same(report, f"CreateOriginEndpoint {package} with every member", expected, created)
        same(report, f"DescribeOriginEndpoint {package}", created,
             plain(mediapackage.describe_origin_endpoint(Id=sent["Id"])))
        updated = plain(mediapackage.update_origin_endpoint(Id=sent["Id"], Origination="ALLOW"))
        same(report, f"UpdateOriginEndpoint {package} leaves absent members", {**created, "Origination": "ALLOW"}, updated)
        report.check(f"DeleteOriginEndpoint {package} answers 202", mediapackage.delete_origin_endpoint(
            Id=sent["Id"])["ResponseMetadata"]["HTTPStatusCode"] == 202)
        refused(report, f"{package} is gone", 404, "NotFoundException", sent["Id"],
                mediapackage.describe_origin_endpoint, Id=sent["Id"])

    for package, members in DEFAULT_PACKAGES.items():
        created = plain(mediapackage.create_origin_endpoint(Id=f"empty-{package}", ChannelId="arena", **{package: {}}))
        same(report, f"CreateOriginEndpoint {package} with defaults", {
            "Id": f"empty-{package}", "ChannelId": "arena", "ManifestName": "index", "StartoverWindowSeconds": 0,
            "TimeDelaySeconds": 0, "Whitelist": [], "Origination": "ALLOW", "Tags": {}, "Arn": str.strip,
            "CreatedAt": SECOND, "Url": str.strip, package: members,
        }, created)
        replaced = plain(mediapackage.update_origin_endpoint(Id=f"empty-{package}", **{package: FULL_PACKAGES[package]}))
        same(report, f"UpdateOriginEndpoint replaces {package}", {**created, package: FULL_PACKAGES[package]}, replaced)
        same(report, f"UpdateOriginEndpoint replaces {package} as a whole", created,
             plain(mediapackage.update_origin_endpoint(Id=f"empty-{package}", **{package: {}})))
    refused(report, "another packager", 422, "UnprocessableEntityException", "but is hlsPackage",
            mediapackage.update_origin_endpoint, Id="empty-HlsPackage", DashPackage={})
    refused(report, "a channel with endpoints", 422, "UnprocessableEntityException", "still has origin endpoints",
            mediapackage.delete_channel, Id="arena")
    refused(report, "an endpoint of no channel", 404, "NotFoundException", '"none"',
            mediapackage.create_origin_endpoint, Id="e", ChannelId="none", HlsPackage={})
    refused(report, "a duplicate endpoint", 422, "UnprocessableEntityException", "exists already",
            mediapackage.create_origin_endpoint, Id="empty-HlsPackage", ChannelId="arena", HlsPackage={})
    for members, says in BROKEN_RULES:
        refused(report, f"the rule of {says}", 422, "UnprocessableEntityException", says,
                mediapackage.create_origin_endpoint, Id="broken", ChannelId="arena", **members)

    mediapackage.create_origin_endpoint(Id="frozen", ChannelId="arena", DashPackage={
        "SegmentTemplateFormat": "NUMBER_WITH_DURATION", "SegmentDurationSeconds": 2})
    for package in [{"SegmentTemplateFormat": "NUMBER_WITH_DURATION", "SegmentDurationSeconds": 4}, {}]:
        refused(report, f"a frozen setting, {package}", 422, "UnprocessableEntityException", "cannot be changed",
                mediapackage.update_origin_endpoint, Id="frozen", DashPackage=package)
    mediapackage.delete_origin_endpoint(Id="frozen")


def tags(report, mediapackage):
    for arn in [mediapackage.describe_channel(Id="arena")["Arn"],
                mediapackage.describe_origin_endpoint(Id="empty-HlsPackage")["Arn"]]:
        kind = arn.split(":")[5].split("/")[0]
        mediapackage.untag_resource(ResourceArn=arn, TagKeys=["team", "env"])
        answer = mediapackage.tag_resource(ResourceArn=arn, Tags={"one": "1", "two words": "x=y/z"})
        report.check(f"TagResource {kind} answers 204", answer["ResponseMetadata"]["HTTPStatusCode"] == 204)
        mediapackage.tag_resource(ResourceArn=arn, Tags={"one": "2"})
        same(report, f"ListTagsForResource {kind}", {"Tags": {"one": "2", "two words": "x=y/z"}},
             plain(mediapackage.list_tags_for_resource(ResourceArn=arn)))
        answer = mediapackage.untag_resource(ResourceArn=arn, TagKeys=["two words", "one", "never"])
        report.check(f"UntagResource {kind} answers 204", answer["ResponseMetadata"]["HTTPStatusCode"] == 204)
        same(report, f"no tags are left on {kind}", {"Tags": {}},
             plain(mediapackage.list_tags_for_resource(ResourceArn=arn)))
        refused(report, f"a reserved tag on {kind}", 422, "UnprocessableEntityException", "aws:",
                mediapackage.tag_resource, ResourceArn=arn, Tags={"aws:x": "1"})
        refused(report, f"51 tags on {kind}", 422, "UnprocessableEntityException", "50",
                mediapackage.tag_resource, ResourceArn=arn, Tags={f"t{n}": "" for n in range(51)})
        refused(report, f"an unknown {kind}", 404, "NotFoundException", "does not exist",
                mediapackage.list_tags_for_resource, ResourceArn=arn[:-32] + "0" * 32)


def lists(report, mediapackage):
    for number in range(4):
        mediapackage.create_channel(Id=f"list-{number}")
    seen = [channel["Id"] for page in mediapackage.get_paginator("list_channels").paginate(
        PaginationConfig={"PageSize": 2}) for channel in page["Channels"]]
    report.check("ListChannels pages in order of creation",
                 [i for i in seen if i.startswith("list-")] == [f"list-{n}" for n in range(4)] and len(set(seen)) == len(seen),
                 str(seen))
    whole = mediapackage.list_channels()
    same(report, "ListChannels shows what DescribeChannel shows", plain(mediapackage.describe_channel(Id="arena")),
         next(channel for channel in whole["Channels"] if channel["Id"] == "arena"))
    seen = [endpoint["Id"] for page in mediapackage.get_paginator("list_origin_endpoints").paginate(
        ChannelId="arena", PaginationConfig={"PageSize": 1}) for endpoint in page["OriginEndpoints"]]
    report.check("ListOriginEndpoints pages", seen == [f"empty-{package}" for package in DEFAULT_PACKAGES], str(seen))
    same(report, "ListOriginEndpoints of a channel without any", {"OriginEndpoints": []},
         plain(mediapackage.list_origin_endpoints(ChannelId="list-0")))
    for most in [0, 1001]:
        refused(report, f"maxResults {most}", 422, "UnprocessableEntityException", "maxResults",
                mediapackage.list_channels, MaxResults=most)
    refused(report, "a bad token", 422, "UnprocessableEntityException", "nextToken",
            mediapackage.list_channels, NextToken="bad")
    for number in range(4):
        answer = mediapackage.delete_channel(Id=f"list-{number}")
    report.check("DeleteChannel answers 202", answer["ResponseMetadata"]["HTTPStatusCode"] == 202)


def harvest(report, mediapackage):
    """The three operations; what a job brings about is conformance/checks/harvest.py."""
    mediapackage.create_channel(Id="harvested")
    mediapackage.create_origin_endpoint(Id="harvested", ChannelId="harvested", HlsPackage={}, StartoverWindowSeconds=3600)
    now = int(time.time())
    members = {"Id": "job", "OriginEndpointId": "harvested", "StartTime": str(now - 120), "EndTime": str(now - 60),
               "S3Destination": {"BucketName": "clips", "ManifestKey": "a/index.m3u8", "RoleArn": "arn:aws:iam::123456789012:role/x"}}
    created = plain(mediapackage.create_harvest_job(**members))
    report.check("CreateHarvestJob echoes what it was given and the channel",
                 {name: created.get(name) for name in [*members, "ChannelId"]} == {**members, "ChannelId": "harvested"}, str(created))
    described = plain(mediapackage.describe_harvest_job(Id="job"))
    same(report, "DescribeHarvestJob tells the same", {**created, "Status": described["Status"]}, described)
    listed = mediapackage.list_harvest_jobs(IncludeChannelId="harvested")["HarvestJobs"]
    report.check("ListHarvestJobs lists it", [one["Id"] for one in listed] == ["job"], str(listed))
    report.check("ListHarvestJobs of another channel does not",
                 mediapackage.list_harvest_jobs(IncludeChannelId="arena")["HarvestJobs"] == [])
    refused(report, "a harvest job that is there already", 422, "UnprocessableEntityException", "exists already",
            mediapackage.create_harvest_job, **members)
    refused(report, "an end before the start", 422, "UnprocessableEntityException", "endTime",
            mediapackage.create_harvest_job, **{**members, "Id": "other", "EndTime": str(now - 300)})
    refused(report, "a harvest job of an unknown endpoint", 422, "UnprocessableEntityException", "originEndpointId",
            mediapackage.create_harvest_job, **{**members, "Id": "other", "OriginEndpointId": "none"})
    refused(report, "an unknown harvest job", 404, "NotFoundException", "none", mediapackage.describe_harvest_job, Id="none")
    mediapackage.delete_origin_endpoint(Id="harvested")
    mediapackage.delete_channel(Id="harvested")


def bodies(report, url):
    """Bodies that no SDK would send."""
    credentials = Credentials(target.ACCESS_KEY, target.SECRET_KEY)
    for name, body, says in [
        ("half an object", b'{"id":', "malformed"),
        ("a list", b"[]", "invalid type"),
        ("text after the object", b'{"id":"x"} x', "malformed"),
        ("a number as id", b'{"id":7}', "id: invalid type: integer `7`"),
        ("an unknown member", b'{"id":"x","colour":"red"}', "unknown field `colour`"),
        ("a member twice", b'{"id":"x","id":"y"}', "duplicate field `id`"),
        ("no body", b"", "missing field `id`"),
        ("no UTF-8", b'{"id":"\xff"}', "malformed"),
        ("a deep body", b'{"tags":' + b"[" * 10_000 + b"}", ""),
    ]:
        request = AWSRequest("POST", f"{url}/channels", data=body, headers={"Content-Type": "application/json"})
        SigV4Auth(credentials, "mediapackage", target.REGION).add_auth(request)
        try:
            urllib.request.urlopen(urllib.request.Request(
                request.url, body, dict(request.headers.items()), method="POST"), timeout=20)
            report.fail(name, "was accepted")
        except urllib.error.HTTPError as error:
            text = error.read().decode()
            message = json.loads(text)["message"]
            report.check(name, (error.code, error.headers["x-amzn-ErrorType"]) == (422, "UnprocessableEntityException")
                         and says in message and error.headers["Content-Type"] == "application/json"
                         and error.headers["x-amzn-RequestId"], f"{error.code}: {message[:120]}")


def isolation(report, url):
    """Two accounts times two regions: each has its own channel of one id and sees nothing of the others, in any
    operation of the model."""
    worlds = {
        (key, region): client(url, key, secret, region)
        for (key, secret), region in itertools.product(
            [(target.ACCESS_KEY, target.SECRET_KEY), (target.OTHER_ACCESS_KEY, target.OTHER_SECRET_KEY)],
            [target.REGION, "eu-west-1"])
    }
    owned = {}
    for (key, region), mediapackage in worlds.items():
        channel = mediapackage.create_channel(Id=f"of-{key}-{region}", Description=region)
        endpoint = mediapackage.create_origin_endpoint(Id=f"of-{key}-{region}", ChannelId=channel["Id"], HlsPackage={})
        owned[key, region] = channel, endpoint
    report.check("ARNs name account and region", len({":".join(c["Arn"].split(":")[3:5]) for c, _ in owned.values()}) == 4)
    for (mine, mediapackage), (theirs, (channel, endpoint)) in itertools.product(worlds.items(), owned.items()):
        if mine == theirs:
            continue
        leaks = []
        for operation in mediapackage.meta.service_model.operation_names:
            if operation in ("CreateChannel", "CreateHarvestJob", "ListHarvestJobs", "DescribeHarvestJob"):
                continue
            shape = mediapackage.meta.service_model.operation_model(operation).input_shape
            identifier = endpoint["Id"] if operation.endswith("OriginEndpoint") else channel["Id"]
            known = {"Id": identifier, "ChannelId": channel["Id"], "Tags": {"a": "b"}, "TagKeys": ["a"],
                     "IngestEndpointId": channel["HlsIngest"]["IngestEndpoints"][0]["Id"], "Description": "leak"}
            for arn in ([channel["Arn"], endpoint["Arn"]] if "ResourceArn" in shape.members else [None]):
                members = {name: value for name, value in known.items() if name in shape.members}
                if arn:
                    members["ResourceArn"] = arn
                if operation == "CreateOriginEndpoint":
                    members.update(Id="new", HlsPackage={})
                method = re.sub(r"(?<!^)(?=[A-Z])", "_", operation).lower()
                try:
                    answer = plain(getattr(mediapackage, method)(**members))
                    if not operation.startswith("List") or theirs[0] + "-" + theirs[1] in json.dumps(answer):
                        leaks.append(f"{operation}: {answer}")
                except ClientError as error:
                    if error.response["Error"]["Code"] != "NotFoundException":
                        leaks.append(f"{operation}: {error}")
        report.check(f"{mine} sees nothing of {theirs}", not leaks, "; ".join(leaks[:2]))
    for world, mediapackage in worlds.items():
        channel, endpoint = owned[world]
        same(report, f"{world} is unchanged", plain(channel), plain(mediapackage.describe_channel(Id=channel["Id"])))
        mediapackage.delete_origin_endpoint(Id=endpoint["Id"])
        mediapackage.delete_channel(Id=channel["Id"])


def quotas(report, mediapackage):
    mediapackage.delete_channel(Id="arena")
    for number in range(30):
        mediapackage.create_channel(Id=f"quota-{number}")
    refused(report, "the 31st channel", 429, "TooManyRequestsException", "30 channels",
            mediapackage.create_channel, Id="quota-30")
    for number in range(10):
        mediapackage.create_origin_endpoint(Id=f"quota-{number}", ChannelId="quota-0", MssPackage={})
    refused(report, "the 11th endpoint of a channel", 429, "TooManyRequestsException", "10 origin endpoints",
            mediapackage.create_origin_endpoint, Id="quota-10", ChannelId="quota-0", MssPackage={})
    for number in range(10):
        mediapackage.delete_origin_endpoint(Id=f"quota-{number}")
    for number in range(30):
        mediapackage.delete_channel(Id=f"quota-{number}")


def main():
    with Report("boto3") as report, target.running("boto3", ["--limits", "aws"]) as (url, own):
        mediapackage = client(url)
        account = boto3.client("sts", endpoint_url=url, region_name=target.REGION, aws_access_key_id=target.ACCESS_KEY,
                               aws_secret_access_key=target.SECRET_KEY).get_caller_identity()["Account"]
        channels(report, mediapackage, account)
        endpoints(report, mediapackage, account)
        tags(report, mediapackage)
        lists(report, mediapackage)
        harvest(report, mediapackage)
        bodies(report, url)
        for package in DEFAULT_PACKAGES:
            mediapackage.delete_origin_endpoint(Id=f"empty-{package}")
        if own:
            isolation(report, url)
            quotas(report, mediapackage)
        else:
            report.skip("isolation and quotas", "the server at OPENMEDIAPACKAGE_URL may know other accounts and limits")
            mediapackage.delete_channel(Id="arena")


if __name__ == "__main__":
    sys.exit(main())
