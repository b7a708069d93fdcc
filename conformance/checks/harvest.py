"""Harvest jobs into moto's S3: what lies in the bucket is what the endpoint plays, and it plays from there."""

import re
import signal
import subprocess
import sys
import time
from datetime import datetime, timezone

sys.path.insert(0, __file__.rsplit("/", 2)[0])

import boto3
from botocore.exceptions import ClientError
from harness import aws, media, paths, push, validate
from harness.playback import wait_until_listed
from harness.report import Report, shorten
from harness.server import Server, free_port

ROLE = "arn:aws:iam::000000000000:role/Harvest"
PREFIX = "clips/goal/"


class Moto:
    """moto's server as S3."""

    def __enter__(self):
        self.url = f"http://127.0.0.1:{free_port()}"
        log = open(paths.LOGS / "harvest-moto.log", "w")
        command = [str(paths.TOOLS / "venv/bin/moto_server"), "-H", "127.0.0.1", "-p", self.url.rsplit(":", 1)[1]]
        self.process = subprocess.Popen(command, stdout=log, stderr=log)
        self.s3 = boto3.client("s3", endpoint_url=self.url, region_name="us-east-1", aws_access_key_id="s3key",
                               aws_secret_access_key="s3secret")
        for _ in range(100):
            try:
                self.s3.list_buckets()
                break
            except Exception:
                time.sleep(0.1)
        self.s3.create_bucket(Bucket="clips-bucket")
        return self

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait()

    def files(self, prefix: str) -> dict[str, bytes]:
        pages = self.s3.get_paginator("list_objects_v2").paginate(Bucket="clips-bucket", Prefix=prefix)
        keys = [item["Key"] for page in pages for item in page.get("Contents", [])]
        return {key: self.s3.get_object(Bucket="clips-bucket", Key=key)["Body"].read() for key in keys}

    def publish(self, keys):
        """Lets anybody read them, as a player does."""
        for key in keys:
            self.s3.put_object_acl(Bucket="clips-bucket", Key=key, ACL="public-read")


def harvest(mediapackage, job: str, endpoint: str, start: int, end: int, key: str, bucket: str = "clips-bucket") -> str:
    begins = datetime.fromtimestamp(start, timezone.utc).isoformat()
    mediapackage.create_harvest_job(Id=job, OriginEndpointId=endpoint, StartTime=begins, EndTime=str(end),
                                    S3Destination={"BucketName": bucket, "ManifestKey": key, "RoleArn": ROLE})
    return ended(mediapackage, job)


def ended(mediapackage, job: str) -> str:
    for _ in range(240):
        status = mediapackage.describe_harvest_job(Id=job)["Status"]
        if status != "IN_PROGRESS":
            return status
        time.sleep(0.25)
    return "IN_PROGRESS"


def compare(report: Report, server: Server, name: str, url: str, start: int, end: int, files: dict[str, bytes]):
    """Each file against the endpoint's, byte for byte, but for `?m=` and the names."""
    folder, top = url.rsplit("/", 1)
    wrong = []
    for key, body in files.items():
        at_endpoint = key.removeprefix(PREFIX)
        is_manifest = at_endpoint.endswith((".m3u8", ".mpd"))
        answer = server.get(f"{folder}/start/{start}/end/{end}/{at_endpoint}" if is_manifest else f"{folder}/{at_endpoint}")
        expected = answer.body
        if is_manifest:
            expected = re.sub(r"\?m=\d+", "", answer.text.replace("../../../../", "")).encode()
        if answer.status != 200 or expected != body:
            wrong.append(f"{key}: {answer.status}, {len(expected)} and {len(body)} bytes")
    report.check(f"{name}: the bucket holds what the endpoint plays", files and not wrong, shorten(wrong) or f"{len(files)} files")
    report.check(f"{name}: the manifest lies at its key", PREFIX + top in files)


def main():
    with Report("harvest") as report, Moto() as moto:
        arguments = ["--limits", "relaxed", "--s3-endpoint", moto.url, "--s3-credentials", "s3key:s3secret"]
        with Server("harvest", arguments) as server:
            run(report, moto, server)
            log = server.log_path.read_text()
            report.check("secrets are not in the log", "s3secret" not in log)
            report.check("every end has its event", log.count("MediaPackage HarvestJob Notification") >= 4)
            report.check("the reason is in the event", "no-such-bucket" in log)


def run(report: Report, moto: Moto, server: Server):
    mediapackage = aws.client(server)
    channel = aws.create_channel(mediapackage, "harvest")
    urls = {}
    for name in ("hls-groups", "dash-number-timeline"):
        answer = mediapackage.create_origin_endpoint(ChannelId=channel.id, Id=name, StartoverWindowSeconds=3600,
                                                     **aws.ENDPOINTS[name])
        urls[name] = answer["Url"]
    began = int(time.time()) + 3
    with push.FfmpegPush(channel.ingests[0], media.ladder(60), persistent=True, log_name="harvest-push"):
        missing = wait_until_listed(server, urls, 9, 60)
        if missing:
            return report.fail("plays before it is harvested", missing)
        start, end = began, began + 8
        for name, url in urls.items():
            top = url.rsplit("/", 1)[1]
            status = harvest(mediapackage, f"job-{name}", name, start, end, PREFIX + top)
            report.check(f"{name}: SUCCEEDED", status == "SUCCEEDED", status)
            files = {key: body for key, body in moto.files(PREFIX).items()
                     if key.endswith((".m3u8", ".ts")) == name.startswith("hls")}
            compare(report, server, name, url, start, end, files)
            moto.publish(files)
            streams, complaint = validate.ffprobe_streams(f"{moto.url}/clips-bucket/{PREFIX}{top}")
            kinds = sorted({stream["codec_type"] for stream in streams})
            report.check(f"{name}: plays from the bucket", kinds == ["audio", "video"], f"{kinds} {complaint}"[:200])
        renamed = harvest(mediapackage, "renamed", "hls-groups", start, end, "a b/best of.m3u8")
        keys = sorted(moto.files("a b/"))
        report.check("names follow the manifest's key", renamed == "SUCCEEDED" and "a b/best of.m3u8" in keys
                     and any(key.startswith("a b/best_of_1") for key in keys), shorten(keys))
        failed = harvest(mediapackage, "lost", "hls-groups", start, end, PREFIX + "x.m3u8", "no-such-bucket")
        report.check("a bucket that is not there: FAILED", failed == "FAILED", failed)
        early = harvest(mediapackage, "early", "hls-groups", start - 600, end, PREFIX + "x.m3u8")
        report.check("content that is not there: FAILED", early == "FAILED", early)
        # Accepted, then killed: the job goes on with the next start.
        mediapackage.create_harvest_job(Id="survivor", OriginEndpointId="hls-groups", StartTime=str(start), EndTime=str(end),
                                        S3Destination={"BucketName": "clips-bucket", "ManifestKey": "again/x.m3u8", "RoleArn": ROLE})
        server.kill()
        server.start()
        survived = ended(mediapackage, "survivor")
        report.check("a job survives kill -9", survived == "SUCCEEDED" and "again/x.m3u8" in moto.files("again/"), survived)
        listed = [job["Id"] for job in mediapackage.list_harvest_jobs(IncludeStatus="FAILED")["HarvestJobs"]]
        report.check("ListHarvestJobs by status", listed == ["lost", "early"], listed)
        try:
            mediapackage.create_harvest_job(Id="lost", OriginEndpointId="hls-groups", StartTime=str(start), EndTime=str(end),
                                            S3Destination={"BucketName": "b2b", "ManifestKey": "x", "RoleArn": ROLE})
            report.fail("a duplicate id is refused")
        except ClientError as error:
            report.check("a duplicate id is refused", error.response["Error"]["Code"] == "UnprocessableEntityException")


if __name__ == "__main__":
    main()
