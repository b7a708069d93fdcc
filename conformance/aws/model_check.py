#!/usr/bin/env python3
"""Holds openapi/mediapackage.json against the service model that ships with botocore.

Compared are: operations, methods, paths, status codes, errors, and of every input and output each member with its
location, wire name, type, enum, bounds and required flag, down to the last nested member. Prints every difference;
exits 1 if there is one.

Where OpenAPI and the model cannot say the same thing, these rules translate:
  * OpenAPI splits an input into parameters and body; they are joined again.
  * a member that may be null or absent is an optional member of the model.
  * the operations on tags have no errors in the model; OpenAPI describes their error answer as "default".
"""

import json
import pathlib
import sys

import botocore.loaders

ROOT = pathlib.Path(__file__).resolve().parents[2]
DOCUMENT = ROOT / "openapi" / "mediapackage.json"


class Model:
    """Shapes of the service model as plain values: the same form that Document makes."""

    def __init__(self, model):
        self.shapes = model["shapes"]

    def type_of(self, name, inside=()):
        shape = self.shapes[name]
        kind = shape["type"]
        if kind == "structure":
            if name in inside:
                raise ValueError(f"{name} holds itself")
            return self.members(shape, inside + (name,))
        if kind == "list":
            return {"list of": self.type_of(shape["member"]["shape"], inside)}
        if kind == "map":
            return {"map of": self.type_of(shape["value"]["shape"], inside)}
        if kind == "string" and "enum" in shape:
            return {"enum": sorted(shape["enum"])}
        value = {"type": kind}
        for bound in ("min", "max"):
            if bound in shape:
                value[bound] = shape[bound]
        return value

    def members(self, shape, inside=()):
        required = shape.get("required", [])
        return {
            "members": {
                member.get("locationName", name): {
                    "in": {"uri": "path", "querystring": "query"}.get(member.get("location"), "body"),
                    "required": name in required,
                    "is": self.type_of(member["shape"], inside),
                }
                for name, member in shape.get("members", {}).items()
            }
        }

    def operation(self, operation):
        none = {"members": {}}
        return {
            "method": operation["http"]["method"],
            "path": operation["http"]["requestUri"],
            "status": operation["http"]["responseCode"],
            "deprecated": operation.get("deprecated", False),
            "errors": {
                str(self.shapes[error["shape"]]["error"]["httpStatusCode"]): {
                    "code": error["shape"],
                    "is": self.members(self.shapes[error["shape"]]),
                }
                for error in operation.get("errors", [])
            },
            "input": self.members(self.shapes[operation["input"]["shape"]]) if "input" in operation else none,
            "output": self.members(self.shapes[operation["output"]["shape"]]) if "output" in operation else none,
        }


class Document:
    """Schemas of the OpenAPI document as plain values: the same form that Model makes."""

    def __init__(self, document):
        self.schemas = document["components"]["schemas"]

    def resolve(self, schema):
        if "oneOf" in schema:
            real = [one for one in schema["oneOf"] if one.get("type") != "null"]
            if len(real) != 1:
                raise ValueError(f"a choice of several types: {schema}")
            return self.resolve(real[0])
        if "$ref" in schema:
            return self.resolve(self.schemas[schema["$ref"].removeprefix("#/components/schemas/")])
        return schema

    def type_of(self, schema):
        schema = self.resolve(schema)
        kind = schema.get("type")
        if isinstance(kind, list):
            kind = next(one for one in kind if one != "null")
        if kind == "array":
            return {"list of": self.type_of(schema["items"])}
        if kind == "object" and "additionalProperties" in schema and isinstance(schema["additionalProperties"], dict):
            return {"map of": self.type_of(schema["additionalProperties"])}
        if kind == "object":
            return {"members": self.members(schema, "body")}
        if "enum" in schema:
            return {"enum": sorted(schema["enum"])}
        value = {"type": kind}
        for bound, name in (("min", "minimum"), ("max", "maximum")):
            if name in schema:
                value[bound] = schema[name]
        return value

    def members(self, schema, place):
        schema = self.resolve(schema)
        required = schema.get("required", [])
        return {
            name: {"in": place, "required": name in required, "is": self.type_of(member)}
            for name, member in schema.get("properties", {}).items()
        }

    def body_of(self, holder):
        content = holder.get("content", {}).get("application/json")
        return self.members(content["schema"], "body") if content else {}

    def operation(self, path, method, operation):
        members = {
            parameter["name"]: {
                "in": parameter["in"],
                "required": parameter["required"],
                "is": self.type_of(parameter["schema"]),
            }
            for parameter in operation.get("parameters", [])
        }
        members.update(self.body_of(operation.get("requestBody", {})))
        good = [status for status in operation["responses"] if status.startswith("2")]
        if len(good) != 1:
            raise ValueError(f"{operation['operationId']} has {len(good)} good answers")
        errors = {}
        for status, response in operation["responses"].items():
            if status not in good and status != "default":
                schema = response["content"]["application/json"]["schema"]
                errors[status] = {"code": schema.get("title"), "is": {"members": self.members(schema, "body")}}
        return {
            "method": method.upper(),
            "path": path,
            "status": int(good[0]),
            "deprecated": operation.get("deprecated", False),
            "errors": errors,
            "input": {"members": members},
            "output": {"members": self.body_of(operation["responses"][good[0]])},
        }


def differences(where, model, document):
    if isinstance(model, dict) and isinstance(document, dict):
        for name in sorted(set(model) | set(document)):
            if name not in document:
                yield f"{where}.{name}: in the model only: {model[name]}"
            elif name not in model:
                yield f"{where}.{name}: in the OpenAPI document only: {document[name]}"
            else:
                yield from differences(f"{where}.{name}", model[name], document[name])
    elif model != document:
        yield f"{where}: the model has {model!r}, the OpenAPI document {document!r}"


def count(value):
    if not isinstance(value, dict):
        return 0
    own = len(value["members"]) if isinstance(value.get("members"), dict) else 0
    return own + sum(count(inner) for inner in value.values())


def main():
    service = botocore.loaders.Loader().load_service_model("mediapackage", "service-2", "2017-10-12")
    model = {name: Model(service).operation(operation) for name, operation in service["operations"].items()}
    openapi = json.loads(DOCUMENT.read_text())
    document = {
        operation["operationId"]: Document(openapi).operation(path, method, operation)
        for path, methods in openapi["paths"].items()
        for method, operation in methods.items()
    }
    found = 0
    for name in sorted(set(model) | set(document)):
        of_this = list(differences(name, model.get(name, {}), document.get(name, {})))
        for difference in of_this:
            print(f"DIFFERENT {difference}")
        if not of_this:
            print(f"ok {name}: {count(model[name])} members")
        found += len(of_this)
    print(f"{len(model)} operations, {found} differences")
    if len(model) != 19:
        print(f"the model was expected to have 19 operations, but has {len(model)}")
        return 1
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
