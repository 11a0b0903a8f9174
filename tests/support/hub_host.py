"""A host that speaks as much of the Hugging Face hub's interface as its client needs: models, revisions, requests."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha1
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import unquote

DATE = "2024-01-01T00:00:00.000Z"


@dataclass
class Repository:
    """A model: a folder for each revision with the commits that it stands on, newest first, and pull requests."""

    revisions: dict[str, Path]
    parents: dict[str, list[str]] = field(default_factory=dict)
    requests: list[dict[str, Any]] = field(default_factory=list)

    def commit(self, revision: str) -> str:
        return sha1(revision.encode()).hexdigest()

    def commits(self, revision: str) -> list[str]:
        return [self.commit(part) for part in (revision, *self.parents.get(revision, []))]

    def offer(self, number: int, folder: Path, *, parent: str = "main", **changes: Any) -> None:
        """A pull request as the hub's converter makes it, but for changes."""
        self.revisions[f"refs/pr/{number}"], self.parents[f"refs/pr/{number}"] = folder, [parent]
        author = {"name": changes.pop("author", "SFconvertbot")}
        request = {"title": "Adding `safetensors` variant of this model", "status": "open", "isPullRequest": True}
        self.requests.append({"num": number, "author": author, "createdAt": DATE, **request, **changes})


@dataclass
class Host:
    """Models by name, or the reason for refusing one; and the files that were asked for, as `revision/file`."""

    models: dict[str, Repository | str] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def answer(self, path: str) -> tuple[int, bytes, dict[str, str]]:
        """Status, content and headers for a path."""
        parts = [unquote(part) for part in path.split("?")[0].strip("/").removeprefix("api/models/").split("/")]
        name, rest = "/".join(parts[:2]), parts[2:]
        model = self.models.get(name, "RepoNotFound")
        if isinstance(model, str):
            return 403 if model == "GatedRepo" else 404, b"", {"X-Error-Code": model}
        if rest[:1] == ["discussions"]:
            requests = [{**request, "repo": {"name": name, "type": "model"}} for request in model.requests]
            return table({"count": len(requests), "start": 0, "discussions": requests})
        revision = rest[1] if len(rest) > 1 else "main"
        by_commit = {model.commit(known): known for known in model.revisions}
        revision = by_commit.get(revision, revision)
        if revision not in model.revisions:
            return 404, b"", {"X-Error-Code": "RevisionNotFound"}
        folder, commit = model.revisions[revision], model.commit(revision)
        if rest[:1] == ["commits"]:
            about = {"authors": [{"user": "someone"}], "date": DATE, "title": "", "message": ""}
            return table([{"id": parent, **about} for parent in model.commits(revision)])
        if rest[:1] == ["resolve"]:
            self.asked.append("/".join((revision, *rest[2:])))
            content = folder.joinpath(*rest[2:]).read_bytes()
            return 200, content, {"X-Repo-Commit": commit, "ETag": f'"{sha1(content).hexdigest()}"'}
        files = {str(path.relative_to(folder)): path for path in sorted(folder.rglob("*")) if path.is_file()}
        if rest[:1] == ["tree"]:
            sizes = {name: path.stat().st_size for name, path in files.items()}
            return table([{"type": "file", "path": name, "size": size, "oid": "1"} for name, size in sizes.items()])
        return table({"id": name, "sha": commit, "siblings": [{"rfilename": name} for name in files]})


def table(content: Any) -> tuple[int, bytes, dict[str, str]]:
    return 200, json.dumps(content).encode(), {"Content-Type": "application/json"}


@contextmanager
def serving(host: Host) -> Iterator[str]:
    """The address at which a host answers."""

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_: Any) -> None:
            """In silence."""

        def do_HEAD(self) -> None:
            self.do_GET()

        def do_GET(self) -> None:
            code, content, headers = host.answer(self.path)
            self.send_response(code)
            for key, value in {**headers, "Content-Length": str(len(content))}.items():
                self.send_header(key, value)
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(content)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()
