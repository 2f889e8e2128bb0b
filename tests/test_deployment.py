"""What deploys the service: checked against schemas, and against the service itself.

No container engine is needed: that the files are what their tools take, that each command, option,
variable, port and path in them is one of the service, and that the service runs with no more rights
than they give it, can be known without.
"""

import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import tomllib
import zipfile
from contextlib import ExitStack
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml
from commands import parsed
from fastapi.testclient import TestClient
from jobshop import TINY
from serving import funit, serving

from funit import Client
from funit.data.menagerie import write_menagerie
from funit.service.app import create_app
from funit.service.services import open_services
from funit.service.settings import ServiceSettings, build_settings

ROOT = Path(__file__).parent.parent
DEPLOY = ROOT / "deploy"
KUBERNETES = DEPLOY / "kubernetes"
MANIFESTS = sorted(set(KUBERNETES.glob("*.yaml")) - {KUBERNETES / "kustomization.yaml"})
NAMED_IN = [ROOT / "Dockerfile", *sorted(DEPLOY.rglob("*.*"))]
PORT = 8000

Instruction = tuple[str, str]


def instructions() -> list[Instruction]:
    """The Dockerfile's: name and rest, without comments and line ends."""
    text = re.sub(r"^#.*\n", "", (ROOT / "Dockerfile").read_text(), flags=re.MULTILINE)
    lines = re.sub(r"\\\n\s*", "", text).splitlines()
    return [(name, rest) for name, _, rest in (line.partition(" ") for line in lines) if name]


def of_dockerfile(name: str) -> list[str]:
    return [rest for each, rest in instructions() if each == name]


def image_environment() -> dict[str, str]:
    """What the last stage sets."""
    words = shlex.split(of_dockerfile("ENV")[-1])
    return dict(word.split("=", 1) for word in words)


def health_command() -> list[str]:
    (check,) = of_dockerfile("HEALTHCHECK")
    command: list[str] = json.loads(check.partition("CMD ")[2])
    return command


def compose() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
    return found


def objects() -> list[dict[str, Any]]:
    return [each for path in MANIFESTS for each in yaml.safe_load_all(path.read_text())]


def named(kind: str, name: str) -> dict[str, Any]:
    (found,) = [o for o in objects() if (o["kind"], o["metadata"]["name"]) == (kind, name)]
    return found


def pods() -> list[dict[str, Any]]:
    return [o["spec"]["template"]["spec"] for o in objects() if o["kind"] == "Deployment"]


def command_lines() -> list[list[str]]:
    """Every one that starts a container."""
    (image,) = of_dockerfile("CMD")
    composed = [each["command"] for each in compose()["services"].values() if "command" in each]
    placed = [container["args"] for pod in pods() for container in pod["containers"]]
    return [json.loads(image), *composed, *placed]


@pytest.fixture
def settings(tmp_path: Path) -> dict[str, ServiceSettings]:
    """What the services of the compose file and of Kubernetes are set to."""
    placed = tmp_path / "funit.yaml"
    placed.write_text(named("ConfigMap", "funit")["data"]["funit.yaml"])
    return {
        "compose": build_settings(DEPLOY / "funit.yaml", {}),
        "kubernetes": build_settings(placed, {}),
    }


# ---------------------------------------------------------------------- tools


def test_hadolint_finds_nothing_in_the_dockerfile() -> None:
    hadolint = Path(sys.executable).with_name("hadolint")
    if not hadolint.exists():
        pytest.skip("NO HADOLINT HERE: there is no package of it for this system")

    found = subprocess.run(
        [hadolint, "--no-color", ROOT / "Dockerfile"], capture_output=True, text=True
    )

    assert (found.returncode, found.stdout) == (0, "")


def test_the_compose_file_is_as_the_compose_specification_says() -> None:
    check = ["check_jsonschema", "--builtin-schema", "vendor.compose-spec"]
    found = subprocess.run(
        [sys.executable, "-m", *check, DEPLOY / "compose.yaml"], capture_output=True, text=True
    )

    assert found.returncode == 0, found.stdout


@pytest.mark.parametrize("path", MANIFESTS, ids=lambda path: path.name)
@pytest.mark.parametrize("version", ["1.30", kubernetes_validate.latest_version()])
def test_the_manifests_are_as_the_schemas_of_kubernetes_say(path: Path, version: str) -> None:
    for each in yaml.safe_load_all(path.read_text()):
        kubernetes_validate.validate(each, version, strict=True)


def test_kustomize_puts_everything_together() -> None:
    if shutil.which("kubectl") is None:
        pytest.skip("NO KUBECTL HERE: what kustomize makes of the manifests is not looked at")
    built = subprocess.run(
        ["kubectl", "kustomize", KUBERNETES], capture_output=True, text=True, check=True
    ).stdout

    made = list(yaml.safe_load_all(built))
    wanted = {(o["kind"], o["metadata"]["name"]) for o in objects() if o["kind"] != "Secret"}
    assert {(o["kind"], o["metadata"]["name"]) for o in made} == wanted
    spaces = {o["metadata"].get("namespace") for o in made if o["kind"] != "Namespace"}
    assert spaces == {named("Namespace", "funit")["metadata"]["name"]}
    assert re.findall(r"image: funit$", built, re.MULTILINE) == []


def test_every_manifest_but_the_template_of_the_secret_is_applied() -> None:
    listed = yaml.safe_load((KUBERNETES / "kustomization.yaml").read_text())["resources"]

    assert {*listed, "secret.example.yaml"} == {path.name for path in MANIFESTS}


# ------------------------------------------------------- what the service has


@pytest.mark.parametrize("words", command_lines(), ids=" ".join)
def test_every_command_line_is_one_of_funit(words: list[str]) -> None:
    assert parsed(words)


@pytest.mark.parametrize("path", NAMED_IN, ids=lambda path: path.name)
def test_every_variable_that_is_named_is_read_somewhere(path: Path) -> None:
    source = "".join(p.read_text(encoding="utf-8") for p in (ROOT / "src").rglob("*.py"))

    variables = set(re.findall(r"\bFUNIT_[A-Z_]+[A-Z]\b", path.read_text()))
    assert {name for name in variables if f'"{name}"' not in source} == set()


def test_one_process_alone_does_the_jobs() -> None:
    starts = [words[0] for words in command_lines()[1:]]  # the image by itself is all in one

    assert sorted(starts) == ["jobs", "jobs", "serve", "serve"]
    assert all("--no-jobs" in words for words in command_lines()[1:] if words[0] == "serve")
    jobs = named("Deployment", "funit-jobs")["spec"]
    assert (jobs["replicas"], jobs["strategy"]) == (1, {"type": "Recreate"})
    assert "deploy" not in compose()["services"]["jobs"]


def test_ports_and_probes_are_those_of_the_service(tmp_path: Path) -> None:
    assert of_dockerfile("EXPOSE") == [str(PORT)]
    assert f"http://127.0.0.1:{PORT}/healthz" in health_command()[-1]
    assert compose()["services"]["api"]["ports"] == [f"127.0.0.1:{PORT}:{PORT}"]
    (api,) = named("Deployment", "funit-api")["spec"]["template"]["spec"]["containers"]
    assert api["ports"] == [{"name": "http", "containerPort": PORT}]
    assert named("Service", "funit")["spec"]["ports"][0]["targetPort"] == "http"
    serves = [parsed(words) for words in command_lines() if words[0] == "serve"]
    assert {(given["host"], given["port"]) for given in serves} == {("0.0.0.0", PORT)}

    asked = {api[probe]["httpGet"]["path"] for probe in api if probe.endswith("Probe")}
    given = {"database_url": f"sqlite:///{tmp_path / 'funit.db'}", "storage_url": str(tmp_path)}
    with open_services(ServiceSettings(**given)) as services:
        app = create_app(services)
        with TestClient(app) as client:  # without a key
            assert asked == {"/healthz", "/readyz"}
            assert client.get("/healthz").status_code == 200
            assert client.get("/readyz").status_code in (200, 503)


def test_the_settings_are_read_and_fit_what_surrounds_them(
    settings: dict[str, ServiceSettings],
) -> None:
    for each in settings.values():
        assert each.keys == "required"
    services = compose()["services"]
    api, jobs = (named("Deployment", f"funit-{name}") for name in ("api", "jobs"))
    for where, patience in (
        ("compose", [int(services[n]["stop_grace_period"].rstrip("s")) for n in ("api", "jobs")]),
        (
            "kubernetes",
            [o["spec"]["template"]["spec"]["terminationGracePeriodSeconds"] for o in (api, jobs)],
        ),
    ):
        assert patience[0] > settings[where].limits.seconds + 10  # what `funit serve` adds
        assert patience[1] > settings[where].jobs.grace_seconds + 10
    pod = api["spec"]["template"]["spec"]
    ours = settings["kubernetes"]
    memory = _bytes(pod["containers"][0]["resources"]["limits"]["memory"])
    assert memory > 2 * (ours.generator.model_bytes + 2 * ours.generator.code_bytes)
    (tmp,) = [volume for volume in pod["volumes"] if volume["name"] == "tmp"]
    assert _bytes(tmp["emptyDir"]["sizeLimit"]) > 2 * ours.limits.dataset_bytes
    assert ours.storage_url.startswith(image_environment()["FUNIT_HOME"])


def test_containers_have_no_rights_and_write_into_their_volumes_alone() -> None:
    (user,) = of_dockerfile("USER")
    uid, gid = map(int, user.split(":"))
    places = {image_environment()[name] for name in ("FUNIT_HOME", "TMPDIR")}
    for pod in pods():
        assert pod["automountServiceAccountToken"] is False
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert (pod["securityContext"]["runAsUser"], pod["securityContext"]["fsGroup"]) == (
            uid,
            gid,
        )
        for container in pod["containers"]:
            rights = container["securityContext"]
            assert rights["allowPrivilegeEscalation"] is False
            assert rights["readOnlyRootFilesystem"] is True
            assert rights["capabilities"] == {"drop": ["ALL"]}
            mounts = {mount["mountPath"] for mount in container["volumeMounts"]}
            assert mounts == {*places, "/etc/funit"}
    for name in ("api", "jobs"):
        service = compose()["services"][name]
        assert (service["read_only"], service["cap_drop"]) == (True, ["ALL"])
        targets = {
            volume.split(":")[1] if ":" in volume else volume for volume in service["volumes"]
        }
        assert targets == {*places, "/etc/funit/funit.yaml"}


def test_no_secret_stands_in_a_file() -> None:
    assert re.findall(r"^[A-Z_]*(?:PASSWORD|SECRET)[A-Z_]*=(.+)$", _text("env.example"), re.M) == []
    database = compose()["services"]["db"]["environment"]["POSTGRES_PASSWORD"]
    assert database.startswith("${POSTGRES_PASSWORD:?")
    assert "PASSWORD@" in named("Secret", "funit")["stringData"]["FUNIT_DATABASE_URL"]
    assert "/deploy/.env" in (ROOT / ".gitignore").read_text().splitlines()


# ------------------------------------------------------------------ the image


def test_what_the_image_is_built_from_is_there_and_nothing_else() -> None:
    rules = [
        line
        for line in (ROOT / ".dockerignore").read_text().splitlines()
        if line[:1] not in ("", "#")
    ]
    assert rules[0] == "*"  # nothing, but what is named
    let_in = {rule[1:] for rule in rules if rule.startswith("!")}
    copied = {
        word
        for line in of_dockerfile("COPY")
        if not line.startswith("--from")
        for word in line.split()[:-1]
    }

    assert copied - {"."} <= let_in
    assert let_in - copied == {"web"}  # which may be missing: `COPY .` takes it where it is
    assert [name for name in let_in - {"web"} if not (ROOT / name).exists()] == []
    assert any(fnmatch("web/node_modules", rule) for rule in rules)


def test_what_the_image_installs_is_what_the_project_says() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    (extras,) = [line for line in of_dockerfile("ARG") if line.startswith("EXTRAS=")]

    assert set(extras.removeprefix("EXTRAS=").split(",")) <= set(project["optional-dependencies"])
    installs = [line for line in of_dockerfile("RUN") if "pip install" in line]
    assert all("-c constraints.txt" in line for line in installs)
    (script,) = project["scripts"]
    assert json.loads(of_dockerfile("ENTRYPOINT")[0]) == [script]


def test_the_web_editor_is_built_as_make_builds_it() -> None:
    (build,) = [line for line in of_dockerfile("RUN") if "npm" in line]
    commands = re.findall(r"npm (?:ci|run \w+)", build)

    assert commands == ["npm ci", "npm run build"]
    makefile = (ROOT / "Makefile").read_text()
    recipe = re.search(r"^web:.*\n((?:\t.*\n)+)", makefile, re.MULTILINE)
    if recipe is not None:
        asked = set(re.findall(r"\bnpm\b[^&;|\n]*", recipe[1]))
        assert {"ci", "build"} <= {word for line in asked for word in line.split()}


def test_the_health_check_tells_a_service_that_lives_from_none(tmp_path: Path) -> None:
    python, *words = health_command()

    def check(url: str) -> int:
        asked = [word.replace(f"http://127.0.0.1:{PORT}", url) for word in words]
        assert asked != words
        return subprocess.run([sys.executable, *asked], capture_output=True).returncode

    assert python == "python"
    funit("keys", "create", "ada", "--scope", "admin", home=tmp_path)
    with serving("--keys", "required", "--no-jobs", home=tmp_path) as served:
        assert check(served.url) == 0
    assert check(served.url) == 1


# Becomes the command behind it, where only two folders can be written to, without any capability.
_CONFINED = """
mount --bind "$FUNIT_HOME" "$FUNIT_HOME" && mount --bind "$TMPDIR" "$TMPDIR" &&
mount -o remount,bind,ro / && exec setpriv --no-new-privs --bounding-set=-all --inh-caps=-all "$@"
"""
INSIDE = ["unshare", "--mount", "sh", "-c", _CONFINED, "sh"]
FUNIT = [*INSIDE, sys.executable, "-m", "funit"]


@pytest.fixture
def variables(tmp_path: Path, database_url: str) -> dict[str, str]:
    """Those of the image, with two folders of the test for its own; skips without namespaces."""
    if subprocess.run(["unshare", "--mount", "true"], capture_output=True).returncode:
        pytest.skip("NO MOUNT NAMESPACES HERE: the rights of a container cannot be had")
    folders = {"/var/lib/funit": tmp_path / "home", "/tmp": tmp_path / "tmp"}
    for folder in folders.values():
        folder.mkdir()
    own = {"PATH": os.environ["PATH"]}
    if not database_url.startswith("sqlite"):  # which is in FUNIT_HOME by default
        own["FUNIT_DATABASE_URL"] = database_url
    return {k: str(folders.get(v, v)) for k, v in image_environment().items()} | own


@pytest.fixture
def zoo(tmp_path: Path) -> Path:
    write_menagerie(tmp_path / "zoo.zip", num_classes=8, num_poses=5, size=16, seed=3)
    return tmp_path / "zoo.zip"


@pytest.mark.slow
def test_the_containers_do_everything_with_the_rights_that_they_have(
    tmp_path: Path, variables: dict[str, str], database_url: str, zoo: Path
) -> None:
    """That of the image alone, on SQLite; those of the compose file, on PostgreSQL."""
    environment = os.environ | variables
    elsewhere = [*INSIDE, "touch", str(tmp_path / "elsewhere")]
    refused = subprocess.run(elsewhere, env=environment, capture_output=True, text=True)
    assert "Read-only file system" in refused.stderr
    services = compose()["services"]
    is_alone = database_url.startswith("sqlite")
    api = json.loads(of_dockerfile("CMD")[0]) if is_alone else services["api"]["command"]
    first = [*FUNIT, "keys", "create", "admin", "--scope", "admin"]
    key = subprocess.run(first, env=environment, capture_output=True, text=True).stdout.strip()

    with ExitStack() as stack:
        options = [_here(word) for word in api[1:] if word not in ("--port", str(PORT))]
        home = Path(variables["FUNIT_HOME"])
        served = stack.enter_context(
            serving(*options, home=home, inside=INSIDE, variables=variables)
        )
        if not is_alone:
            words = map(_here, services["jobs"]["command"])
            jobs = stack.enter_context(subprocess.Popen([*FUNIT, *words], env=environment))
            stack.callback(jobs.terminate)
        client = stack.enter_context(Client(served.url, key))
        client.upload_dataset("zoo", zoo)
        evaluation = {"pairs": 8, "shots": [1]}
        asked = {"settings": TINY, "max_images": 48, "evaluation": evaluation}
        job = client.create_job("zoo", "beasts", **asked)
        last = list(client.follow_job(job))[-1]
        assert last.data.get("state") == "published", client.job_log(job)
        exported = client.export_model("beasts", tmp_path / "beasts.zip")
        assert client.import_model(exported, "again").version == 1
        with zipfile.ZipFile(zoo) as file:
            image = file.read(file.namelist()[0])
        assert client.classify(image, "zoo").items
        client.model = "beasts"
        assert client.translate(image, client.encode_class(image)).size == (16, 16)
        assert served.stop(signal.SIGTERM) == 0


def _here(word: str) -> str:
    """A word of a container's command with the file of settings where it is here."""
    return word.replace("/etc/funit/funit.yaml", str(DEPLOY / "funit.yaml"))


def _text(name: str) -> str:
    return (DEPLOY / name).read_text()


def _bytes(text: str) -> int:
    found = re.fullmatch(r"(\d+)(Mi|Gi)", text)
    assert found is not None, text
    return int(found[1]) << {"Mi": 20, "Gi": 30}[found[2]]
