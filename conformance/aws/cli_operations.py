#!/usr/bin/env python3
"""The AWS CLI runs every operation of mediapackage, with nothing set but AWS_ENDPOINT_URL, a region and dummy keys."""

import json
import shutil
import subprocess
import sys
import time

import target
from settings import DEFAULT_PACKAGES
from target import Report, same


class Cli:
    def __init__(self, url):
        self.environment = target.environment(url)

    def run(self, *arguments):
        return subprocess.run(["aws", "mediapackage", *arguments, "--output", "json"], env=self.environment,
                              capture_output=True, text=True, timeout=60)

    def __call__(self, *arguments):
        """The answer; a failed call ends the script."""
        done = self.run(*arguments)
        if done.returncode:
            raise RuntimeError(f"aws mediapackage {' '.join(arguments)}: {done.stderr.strip()}")
        return json.loads(done.stdout) if done.stdout.strip() else {}


def refused(report, cli, name, code, says, *arguments):
    done = cli.run(*arguments)
    # Version 1 of the CLI ends with 255 when the service refuses, version 2 with 254.
    report.check(name, done.returncode in (254, 255) and f"({code})" in done.stderr and says in done.stderr,
                 f"{done.returncode}: {done.stderr.strip()[:160]}")


def main():
    if not shutil.which("aws"):
        print("FAIL aws-cli: the program aws is not installed")
        return 1
    with Report("aws-cli") as report, target.running("aws-cli") as (url, _):
        cli = Cli(url)
        channel = cli("create-channel", "--id", "cli", "--description", "d", "--tags", "a=1,b=2")
        same(report, "create-channel", ["cli", "d", {"a": "1", "b": "2"}, 2],
             [channel["Id"], channel["Description"], channel["Tags"], len(channel["HlsIngest"]["IngestEndpoints"])])
        same(report, "describe-channel", channel, cli("describe-channel", "--id", "cli"))
        report.check("list-channels", channel in cli("list-channels")["Channels"])
        same(report, "update-channel", {**channel, "Description": "e"},
             cli("update-channel", "--id", "cli", "--description", "e"))
        logs = cli("configure-logs", "--id", "cli", "--egress-access-logs", "{}")
        same(report, "configure-logs", {"LogGroupName": "/aws/MediaPackage/EgressAccessLogs"}, logs["EgressAccessLogs"])
        first, second = channel["HlsIngest"]["IngestEndpoints"]
        rotated = cli("rotate-ingest-endpoint-credentials", "--id", "cli", "--ingest-endpoint-id", second["Id"])
        doors = rotated["HlsIngest"]["IngestEndpoints"]
        report.check("rotate-ingest-endpoint-credentials", doors[0] == first and doors[1]["Id"] == second["Id"]
                     and doors[1]["Password"] != second["Password"] and doors[1]["Username"] != second["Username"])
        doors = cli("rotate-channel-credentials", "--id", "cli")["HlsIngest"]["IngestEndpoints"]
        report.check("rotate-channel-credentials", doors[0]["Url"] == first["Url"] and doors[0]["Password"] != first["Password"])

        for package, answer in DEFAULT_PACKAGES.items():
            option = "--" + package.replace("Package", "-package").lower()
            endpoint = cli("create-origin-endpoint", "--id", f"cli-{package}", "--channel-id", "cli", option, "{}")
            same(report, f"create-origin-endpoint {package}", answer, endpoint[package])
            same(report, f"describe-origin-endpoint {package}", endpoint,
                 cli("describe-origin-endpoint", "--id", f"cli-{package}"))
        endpoint = cli("create-origin-endpoint", "--id", "cli-cmaf", "--channel-id", "cli", "--cmaf-package",
                       "HlsManifests=[{Id=a,ManifestName=b}]")
        report.check("create-origin-endpoint CmafPackage", endpoint["Url"] == ""
                     and endpoint["CmafPackage"]["HlsManifests"][0]["Url"].endswith("/a/b.m3u8"), str(endpoint))
        listed = cli("list-origin-endpoints", "--channel-id", "cli", "--page-size", "1")["OriginEndpoints"]
        same(report, "list-origin-endpoints over pages", [f"cli-{package}" for package in DEFAULT_PACKAGES] + ["cli-cmaf"],
             [one["Id"] for one in listed])
        updated = cli("update-origin-endpoint", "--id", "cli-cmaf", "--manifest-name", "c", "--whitelist", "10.0.0.0/8")
        same(report, "update-origin-endpoint", {**endpoint, "ManifestName": "c", "Whitelist": ["10.0.0.0/8"]}, updated)

        for arn in [channel["Arn"], endpoint["Arn"]]:
            cli("tag-resource", "--resource-arn", arn, "--tags", "c=3,d=4")
            cli("untag-resource", "--resource-arn", arn, "--tag-keys", "a", "b", "c")
            same(report, f"tags of {arn.split(':')[5].split('/')[0]}", {"d": "4"},
                 cli("list-tags-for-resource", "--resource-arn", arn).get("Tags"))

        refused(report, cli, "an unknown channel", "NotFoundException", "none", "describe-channel", "--id", "none")
        refused(report, cli, "a duplicate", "UnprocessableEntityException", "exists already", "create-channel", "--id", "cli")
        refused(report, cli, "a broken rule", "UnprocessableEntityException", "timeDelaySeconds",
                "update-origin-endpoint", "--id", "cli-cmaf", "--time-delay-seconds", "3")
        refused(report, cli, "a channel with endpoints", "UnprocessableEntityException", "still has origin endpoints",
                "delete-channel", "--id", "cli")
        now = int(time.time())
        cli("create-origin-endpoint", "--channel-id", "cli", "--id", "cli-clips", "--startover-window-seconds", "3600",
            "--hls-package", "SegmentDurationSeconds=6")
        job = cli("create-harvest-job", "--id", "j", "--origin-endpoint-id", "cli-clips", "--start-time", str(now - 120),
                  "--end-time", str(now - 60), "--s3-destination", "BucketName=clips,ManifestKey=k,RoleArn=arn:aws:iam::123456789012:role/x")
        described = cli("describe-harvest-job", "--id", "j")
        same(report, "describe-harvest-job", {**job, "Status": described["Status"]}, described)
        same(report, "list-harvest-jobs", ["j"], [one["Id"] for one in cli("list-harvest-jobs")["HarvestJobs"]])
        refused(report, cli, "an unknown harvest job", "NotFoundException", "none", "describe-harvest-job", "--id", "none")
        cli("delete-origin-endpoint", "--id", "cli-clips")

        for one in listed:
            cli("delete-origin-endpoint", "--id", one["Id"])
        report.check("delete-origin-endpoint", cli("list-origin-endpoints", "--channel-id", "cli")["OriginEndpoints"] == [])
        cli("delete-channel", "--id", "cli")
        refused(report, cli, "delete-channel", "NotFoundException", "cli", "describe-channel", "--id", "cli")
    return 0


if __name__ == "__main__":
    sys.exit(main())
