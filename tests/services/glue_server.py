"""A Glue catalog that is stricter than moto where it matters to who writes into it: versions of tables are compared,
members that the API does not have are refused, batches have their limits and may fail in part. Faults are programmed
per action. What it holds is plain dictionaries, in the shapes that the API has."""
from __future__ import annotations

import copy
import json
import threading
import time
from collections.abc import Callable
from typing import Any

import botocore.session

from services.http_server import Exchange, HttpServer


class GlueFault(Exception):
    def __init__(self, code: str, message: str = "", status: int = 400) -> None:
        super().__init__(code)
        self.code, self.message, self.status = code, message or f"{code} by the test", status


Hook = Callable[[dict[str, Any]], None]


class GlueServer(HttpServer):
    """`tables[name]` is what GetTable answers, `partitions[name]` maps tuples of values to partitions."""

    PUT_LIMIT = 100
    DELETE_LIMIT = 25

    def __init__(self, page_size: int = 3) -> None:
        self.databases: dict[str, dict[str, Any]] = {}
        self.tables: dict[str, dict[str, Any]] = {}
        self.partitions: dict[str, dict[tuple[str, ...], dict[str, Any]]] = {}
        self.indexes: dict[str, list[dict[str, Any]]] = {}
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.page_size = page_size
        self._before: dict[str, list[Hook]] = {}
        self._after: dict[str, list[Hook]] = {}
        self._entry_faults: dict[str, list[dict[tuple[str, ...], str]]] = {}
        self._shapes = botocore.session.get_session().get_service_model("glue")
        self._state_lock = threading.Lock()
        super().__init__(self._handle)

    # -------- what tests program --------

    def fail(self, action: str, code: str, *, times: int = 1, status: int = 400, message: str = "") -> None:
        """The next calls of the action are refused."""

        def refuse(_: dict[str, Any]) -> None:
            raise GlueFault(code, message, status)

        self._before.setdefault(action, []).extend([refuse] * times)

    def fail_after(self, action: str, code: str, *, times: int = 1, status: int = 400) -> None:
        """The next calls of the action are done, and answered with an error all the same."""

        def refuse(_: dict[str, Any]) -> None:
            raise GlueFault(code, "done, but told otherwise", status)

        self._after.setdefault(action, []).extend([refuse] * times)

    def before(self, action: str, hook: Hook) -> None:
        """Called with the input of the next call, before it is done."""
        self._before.setdefault(action, []).append(hook)

    def fail_entries(self, action: str, faults: dict[tuple[str, ...], str], *, times: int = 1) -> None:
        """Of the next batches, the entries with these values fail."""
        self._entry_faults.setdefault(action, []).extend([faults] * times)

    def actions(self) -> list[str]:
        return [action for action, _ in self.calls]

    def inputs(self, action: str) -> list[dict[str, Any]]:
        return [input for name, input in self.calls if name == action]

    def env(self) -> dict[str, str | None]:
        return {"AWS_ENDPOINT_URL_GLUE": self.endpoint}

    def location(self, table: str) -> str:
        return self.tables[table]["StorageDescriptor"]["Location"]

    def locations(self, table: str) -> dict[tuple[str, ...], str]:
        found = self.partitions.get(table, {})
        return {values: partition["StorageDescriptor"]["Location"] for values, partition in found.items()}

    def touch(self, name: str, **parameters: str) -> None:
        """Somebody else changes the table."""
        table = self.tables[name]
        table["Parameters"].update(parameters)
        table["VersionId"] = str(int(table["VersionId"]) + 1)

    # -------- the service --------

    def _handle(self, exchange: Exchange) -> None:
        input = json.loads(exchange.read_body())
        action = exchange.request.operation
        with self._state_lock:
            try:
                answer = self._answer_action(action, input)
                exchange.answer(200, json.dumps(answer, default=str).encode(), self._headers)
            except GlueFault as fault:
                body = {"__type": f"com.amazonaws.glue#{fault.code}", "Message": fault.message}
                exchange.answer(fault.status, json.dumps(body).encode(), self._headers)

    _headers = {"Content-Type": "application/x-amz-json-1.1"}

    def _answer_action(self, action: str, input: dict[str, Any]) -> dict[str, Any]:
        self.calls.append((action, copy.deepcopy(input)))
        self._check_shape(action, self._shapes.operation_model(action).input_shape, input)
        if hooks := self._before.get(action):
            hooks.pop(0)(input)
        answer = getattr(self, f"_{action}")(input)
        if hooks := self._after.get(action):
            hooks.pop(0)(input)
        return answer

    def _check_shape(self, where: str, shape: Any, value: Any) -> None:
        """As the service's own model has it: real Glue ignores what it does not know, which hides mistakes."""
        if shape.type_name == "structure":
            for name, member in value.items():
                if name not in shape.members:
                    raise GlueFault("SerializationException", f"{where} has no member {name}")
                self._check_shape(f"{where}.{name}", shape.members[name], member)
            for name in shape.required_members:
                if name not in value:
                    raise GlueFault("ValidationException", f"{where} misses {name}")
        elif shape.type_name == "list":
            for entry in value:
                self._check_shape(where, shape.member, entry)
            if len(value) > shape.metadata.get("max", len(value)):
                raise GlueFault("ValidationException", f"{where} has {len(value)} entries")
        elif shape.type_name == "string":
            if not isinstance(value, str) or len(value) > shape.metadata.get("max", len(value)):
                raise GlueFault("ValidationException", f"{where} is no such text")

    def _table(self, name: str) -> dict[str, Any]:
        if name not in self.tables:
            raise GlueFault("EntityNotFoundException", f"Table {name} not found.")
        return self.tables[name]

    def _GetDatabase(self, input: dict[str, Any]) -> dict[str, Any]:
        if input["Name"] not in self.databases:
            raise GlueFault("EntityNotFoundException", f"Database {input['Name']} not found.")
        return {"Database": self.databases[input["Name"]]}

    def _CreateDatabase(self, input: dict[str, Any]) -> dict[str, Any]:
        database = input["DatabaseInput"]
        if database["Name"] in self.databases:
            raise GlueFault("AlreadyExistsException")
        self.databases[database["Name"]] = database
        return {}

    def _GetTable(self, input: dict[str, Any]) -> dict[str, Any]:
        return {"Table": self._table(input["Name"])}

    def _GetTables(self, input: dict[str, Any]) -> dict[str, Any]:
        return self._page(input, "TableList", list(self.tables.values()))

    def _CreateTable(self, input: dict[str, Any]) -> dict[str, Any]:
        table = input["TableInput"]
        if input["DatabaseName"] not in self.databases:
            raise GlueFault("EntityNotFoundException", "Database not found.")
        if table["Name"] in self.tables:
            raise GlueFault("AlreadyExistsException", "Table already exists.")
        self.tables[table["Name"]] = {**table, "VersionId": "0", "CreateTime": time.time()}
        self.partitions[table["Name"]] = {}
        return {}

    def _UpdateTable(self, input: dict[str, Any]) -> dict[str, Any]:
        table = self._table(input["TableInput"]["Name"])
        if "VersionId" in input and input["VersionId"] != table["VersionId"]:
            raise GlueFault("ConcurrentModificationException", "Update table failed due to concurrent modifications.")
        version_id = str(int(table["VersionId"]) + 1)
        self.tables[table["Name"]] = {**input["TableInput"], "VersionId": version_id, "CreateTime": table["CreateTime"]}
        return {}

    def _DeleteTable(self, input: dict[str, Any]) -> dict[str, Any]:
        self._table(input["Name"])
        del self.tables[input["Name"]]
        self.partitions.pop(input["Name"], None)
        self.indexes.pop(input["Name"], None)
        return {}

    def _page(self, input: dict[str, Any], key: str, entries: list[Any]) -> dict[str, Any]:
        start = int(input.get("NextToken", "0"))
        end = start + min(self.page_size, input.get("MaxResults", self.page_size))
        return {key: entries[start:end], **({"NextToken": str(end)} if end < len(entries) else {})}

    def _GetPartitions(self, input: dict[str, Any]) -> dict[str, Any]:
        self._table(input["TableName"])
        found = copy.deepcopy(list(self.partitions[input["TableName"]].values()))
        for partition in found:
            if input.get("ExcludeColumnSchema"):
                partition["StorageDescriptor"].pop("Columns", None)
        return self._page(input, "Partitions", found)

    def _each(
        self, action: str, entries: list[dict[str, Any]], values_of: str, failed_values: str, act: Callable[..., None]
    ) -> dict[str, Any]:
        faults = self._entry_faults.get(action, [])
        failing = faults.pop(0) if faults else {}
        errors = []
        for entry in entries:
            values = tuple(entry[values_of])
            try:
                if values in failing:
                    raise GlueFault(failing[values])
                act(values, entry)
            except GlueFault as fault:
                detail = {"ErrorCode": fault.code, "ErrorMessage": fault.message}
                errors.append({failed_values: list(values), "ErrorDetail": detail})
        return {"Errors": errors}

    def _BatchCreatePartition(self, input: dict[str, Any]) -> dict[str, Any]:
        self._table(input["TableName"])
        table = self.partitions[input["TableName"]]

        def create(values: tuple[str, ...], entry: dict[str, Any]) -> None:
            if values in table:
                raise GlueFault("AlreadyExistsException", "Partition already exists.")
            table[values] = entry

        return self._each("BatchCreatePartition", input["PartitionInputList"], "Values", "PartitionValues", create)

    def _BatchUpdatePartition(self, input: dict[str, Any]) -> dict[str, Any]:
        table = self.partitions[input["TableName"]]

        def update(values: tuple[str, ...], entry: dict[str, Any]) -> None:
            if values not in table:
                raise GlueFault("EntityNotFoundException", "Partition not found.")
            table[values] = entry["PartitionInput"]

        return self._each("BatchUpdatePartition", input["Entries"], "PartitionValueList", "PartitionValueList", update)

    def _BatchDeletePartition(self, input: dict[str, Any]) -> dict[str, Any]:
        table = self.partitions[input["TableName"]]

        def delete(values: tuple[str, ...], _: dict[str, Any]) -> None:
            if values not in table:
                raise GlueFault("EntityNotFoundException", "Partition not found.")
            del table[values]

        return self._each("BatchDeletePartition", input["PartitionsToDelete"], "Values", "PartitionValues", delete)

    def _GetPartitionIndexes(self, input: dict[str, Any]) -> dict[str, Any]:
        return {"PartitionIndexDescriptorList": self.indexes.get(input["TableName"], [])}

    def _CreatePartitionIndex(self, input: dict[str, Any]) -> dict[str, Any]:
        index = input["PartitionIndex"]
        table = self._table(input["TableName"])
        keys = {key["Name"]: key["Type"] for key in table["PartitionKeys"]}
        made = {
            "IndexName": index["IndexName"],
            "Keys": [{"Name": name, "Type": keys[name]} for name in index["Keys"]],
            "IndexStatus": "CREATING",
        }
        self.indexes.setdefault(input["TableName"], []).append(made)
        return {}
