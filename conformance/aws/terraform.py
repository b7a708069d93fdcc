#!/usr/bin/env python3
"""Terraform's life cycle of aws_media_package_channel: apply, plan, update, plan, import, plan, destroy.

Only AWS_ENDPOINT_URL, a region and dummy keys are set: no skip_* setting and no endpoints block. If terraform is not
installed the script fails, unless OPENMEDIAPACKAGE_WITHOUT_TERRAFORM=1 says that this is known.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import boto3

import target
from target import Report

PROVIDER = "registry.terraform.io/hashicorp/aws"

CONFIGURATION = """
terraform {
  required_providers {
    aws = { source = "hashicorp/aws" }
  }
}
provider "aws" {}
variable "description" { type = string }
variable "tags" { type = map(string) }
resource "aws_media_package_channel" "arena" {
  channel_id  = "terraform-arena"
  description = var.description
  tags        = var.tags
}
output "arn" { value = aws_media_package_channel.arena.arn }
output "urls" { value = aws_media_package_channel.arena.hls_ingest[0].ingest_endpoints[*].url }
"""

FIRST = {"description": "Managed by Terraform", "tags": {"env": "dev", "team": "a b"}}
SECOND = {"description": "changed", "tags": {"team": "c/d", "new": "1"}}


def mirror() -> Path | None:
    """A folder of provider packages on this machine, in the layout of a filesystem mirror."""
    home = Path.home()
    named = [Path(path) for path in os.environ.get("TF_PLUGIN_CACHE_DIR", "").split(os.pathsep) if path]
    usual = [home / ".terraform.d/plugins", home / ".local/share/terraform/plugins", home / ".terraform.d/plugin-cache",
             Path("/usr/local/share/terraform/plugins"), Path("/usr/share/terraform/plugins"),
             Path("/usr/local/share/terraform-plugins")]
    below = [folder for root in ("/opt", "/srv", "/usr/local/share", "/usr/local/lib")
             for folder in sorted(Path(root).glob("*")) if folder.is_dir()]
    return next((folder for folder in [*named, *usual, *below] if (folder / PROVIDER).is_dir()), None)


def command_line_configuration(folder: Path, report: Report) -> str | None:
    """The CLI configuration to use: that of the environment, or one with a mirror that was found here."""
    given = os.environ.get("TF_CLI_CONFIG_FILE")
    if given and Path(given).is_file():
        return given
    found = mirror()
    if not found:
        return None  # the registry, over the network
    path = folder / "terraform.rc"
    path.write_text(f'provider_installation {{\n  filesystem_mirror {{\n    path = "{found}"\n  }}\n}}\n')
    return str(path)


class Terraform:
    """A working folder with a state of its own."""

    def __init__(self, folder: Path, environment: dict, report: Report):
        self.folder, self.environment, self.report = folder, environment, report
        folder.mkdir()
        (folder / "main.tf").write_text(CONFIGURATION)

    def run(self, name: str, expected: int, *arguments: str, variables: dict | None = None) -> str:
        if variables is not None:
            (self.folder / "terraform.tfvars.json").write_text(json.dumps(variables))
        done = subprocess.run(["terraform", *arguments], cwd=self.folder, env=self.environment, capture_output=True,
                              text=True, timeout=300)
        output = re.sub(r"\x1b\[[0-9;]*m", "", done.stdout + done.stderr)
        self.report.check(name, done.returncode == expected, "" if done.returncode == expected else
                          f"exit status {done.returncode}, expected {expected}: {output[-1500:]}")
        if done.returncode != expected:
            sys.exit(1)
        return output


def main():
    if not shutil.which("terraform"):
        known = os.environ.get("OPENMEDIAPACKAGE_WITHOUT_TERRAFORM") == "1"
        print(f"{'SKIP' if known else 'FAIL'} terraform: TERRAFORM IS NOT INSTALLED, ITS LIFE CYCLE WAS NOT TRIED", flush=True)
        return 0 if known else 1
    with Report("terraform") as report, target.running("terraform") as (url, _), tempfile.TemporaryDirectory() as scratch:
        scratch = Path(scratch)
        environment = {**target.environment(url), "TF_IN_AUTOMATION": "1", "TF_INPUT": "0", "CHECKPOINT_DISABLE": "1"}
        environment.pop("TF_CLI_CONFIG_FILE", None)
        if configuration := command_line_configuration(scratch, report):
            environment["TF_CLI_CONFIG_FILE"] = configuration
        mediapackage = boto3.client("mediapackage", endpoint_url=url, region_name=target.REGION,
                                    aws_access_key_id=target.ACCESS_KEY, aws_secret_access_key=target.SECRET_KEY)

        first = Terraform(scratch / "first", environment, report)
        first.run("init", 0, "init", "-no-color")
        first.run("apply", 0, "apply", "-auto-approve", "-no-color", variables=FIRST)
        channel = mediapackage.describe_channel(Id="terraform-arena")
        report.check("apply made the channel", (channel["Description"], channel["Tags"]) == tuple(FIRST.values()))
        outputs = json.loads(first.run("output", 0, "output", "-json", "-no-color"))
        report.check("outputs are those of the channel", outputs["arn"]["value"] == channel["Arn"] and
                     outputs["urls"]["value"] == [door["Url"] for door in channel["HlsIngest"]["IngestEndpoints"]])
        first.run("plan after apply has no changes", 0, "plan", "-detailed-exitcode", "-no-color")
        first.run("plan of an update has changes", 2, "plan", "-detailed-exitcode", "-no-color", variables=SECOND)
        first.run("update of description and tags", 0, "apply", "-auto-approve", "-no-color")
        changed = mediapackage.describe_channel(Id="terraform-arena")
        report.check("update changed the channel in place", changed["Arn"] == channel["Arn"] and
                     (changed["Description"], changed["Tags"]) == tuple(SECOND.values()))
        first.run("plan after update has no changes", 0, "plan", "-detailed-exitcode", "-no-color")

        second = Terraform(scratch / "second", environment, report)
        second.run("init of a fresh state", 0, "init", "-no-color")
        second.run("import", 0, "import", "-no-color", "aws_media_package_channel.arena", "terraform-arena", variables=SECOND)
        second.run("plan after import has no changes", 0, "plan", "-detailed-exitcode", "-no-color")
        second.run("destroy", 0, "destroy", "-auto-approve", "-no-color")
        try:
            mediapackage.describe_channel(Id="terraform-arena")
            report.fail("destroy deleted the channel")
        except mediapackage.exceptions.NotFoundException:
            report.check("destroy deleted the channel", True)
        first.run("plan of the first state sees that it is gone", 2, "plan", "-detailed-exitcode", "-no-color")
    return 0


if __name__ == "__main__":
    sys.exit(main())
