"""The files of docs/ops: queries that ask for what there is, and services that are set up with what there is."""

from __future__ import annotations

import configparser
import ipaddress
import json
import re
from collections.abc import Iterator
from typing import Any

import promql_parser
import pytest
import yaml

from api.routes import ROUTES
from matcher.operation.telemetry import METRICS, Kind, Metric
from matcher.settings import all as settings
from matcher.settings.server import ServerSettings
from tests.architecture.repository import ROOT

OPS = ROOT / "docs" / "ops"
DASHBOARD = json.loads((OPS / "grafana" / "dashboards" / "carpool.json").read_text(encoding="utf-8"))
ALERTS = yaml.safe_load((OPS / "alerts.yml").read_text(encoding="utf-8"))
PROMETHEUS = yaml.safe_load((OPS / "prometheus.yml").read_text(encoding="utf-8"))
COMPOSE = yaml.safe_load((OPS / "docker-compose.yml").read_text(encoding="utf-8"))
DOCUMENT = (ROOT / "docs" / "observability.md").read_text(encoding="utf-8")
#: What Prometheus itself adds to every series.
FROM_SCRAPING = {"instance", "job"}
DURATION = re.compile(r"(?:\d+(?:ms|[smhdwy]))+")


def _series() -> dict[str, Metric]:
    """Every series that there is, by its name: a histogram has three."""
    names: dict[str, Metric] = {}
    for metric in METRICS:
        ends = ("_bucket", "_sum", "_count") if metric.kind is Kind.HISTOGRAM else ("",)
        names |= {metric.name + end: metric for end in ends}
    return names


SERIES = _series()


def _labels(name: str) -> set[str]:
    metric = SERIES[name]
    own = {*metric.labels, *(("worker",) if metric.per_worker else ()), *(("le",) if name.endswith("_bucket") else ())}
    return own | FROM_SCRAPING


def _dashboard_queries() -> list[str]:
    """Grafana's variables are filled in, as Grafana does."""
    return [
        target["expr"].replace("$__rate_interval", "1m").replace("$instance", ".*")
        for panel in DASHBOARD["panels"]
        for target in panel.get("targets", ())
    ]


RULES = [rule for group in ALERTS["groups"] for rule in group["rules"]]
QUERIES = _dashboard_queries() + [rule["expr"] for rule in RULES]


def _nodes(query: str) -> list[Any]:
    found: list[Any] = []
    promql_parser.walk(promql_parser.parse(query), found.append)  # append says None: go on
    return found


def _selectors(query: str) -> Iterator[Any]:
    for node in _nodes(query):
        if isinstance(node, promql_parser.MatrixSelector):
            yield node.vector_selector
        elif isinstance(node, promql_parser.VectorSelector):
            yield node


def test_no_label_is_one_that_prometheus_takes_for_itself() -> None:
    """It would call ours `exported_job`."""
    assert not [metric.name for metric in METRICS if FROM_SCRAPING & set(metric.labels)]


def test_the_finder_finds_selectors_wherever_they_are() -> None:
    query = (
        'histogram_quantile(0.9, sum by (le) (rate(a_bucket{b="c"}[5m]))) > (d or vector(0)) '
        "and deriv(max(e offset 1d)[5m:1m]) < -f"
    )
    assert {selector.name for selector in _selectors(query)} == {"a_bucket", "d", "e", "f"}


@pytest.mark.parametrize("query", QUERIES)
def test_a_query_asks_for_series_and_labels_that_there_are(query: str) -> None:
    selectors = [selector for selector in _selectors(query) if selector.name != "up"]
    assert {selector.name for selector in selectors} <= set(SERIES)
    for selector in selectors:
        asked = {matcher.name for matcher in selector.matchers.matchers}
        assert asked <= _labels(selector.name), query
    grouped = {
        label
        for node in _nodes(query)
        if isinstance(node, promql_parser.AggregateExpr) and node.modifier is not None
        for label in node.modifier.labels
    }
    assert all(grouped <= _labels(selector.name) for selector in selectors), query


@pytest.mark.parametrize("query", QUERIES)
def test_a_query_asks_for_values_that_labels_have(query: str) -> None:
    routes = {endpoint.path for endpoint in ROUTES}
    for selector in _selectors(query):
        row = next(
            (
                line
                for line in DOCUMENT.splitlines()
                if selector.name in SERIES and f"`{SERIES[selector.name].name}`" in line
            ),
            "",
        )
        for matcher in selector.matchers.matchers:
            if matcher.op != promql_parser.MatchOp.Equal or matcher.name in {"status", "job"}:
                continue
            known = matcher.value in routes if matcher.name == "route" else re.search(rf"\b{matcher.value}\b", row)
            assert known, f"{selector.name}: no {matcher.name} is {matcher.value!r}"


def test_the_dashboard_shows_every_metric() -> None:
    shown = {SERIES[selector.name].name for query in _dashboard_queries() for selector in _selectors(query)}
    assert shown == {metric.name for metric in METRICS}


def test_the_dashboard_has_panels_that_do_not_overlap() -> None:
    taken: set[tuple[int, int]] = set()
    for panel in DASHBOARD["panels"]:
        at = panel["gridPos"]
        cells = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
        assert at["x"] + at["w"] <= 24
        assert not cells & taken, panel["title"]
        taken |= cells
    assert len({panel["id"] for panel in DASHBOARD["panels"]}) == len(DASHBOARD["panels"])


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
def test_a_rule_has_what_prometheus_and_people_need(rule: dict[str, Any]) -> None:
    assert set(rule) <= {"alert", "expr", "for", "labels", "annotations"}
    assert DURATION.fullmatch(rule.get("for", "1s"))
    assert rule["labels"]["severity"] in {"page", "ticket"}
    # A value in the words must be one that the result still has.
    words = rule["annotations"]["summary"]
    named = set(re.findall(r"\$labels\.(\w+)", words))
    by = {
        label
        for node in _nodes(rule["expr"])
        if isinstance(node, promql_parser.AggregateExpr) and node.modifier is not None
        for label in node.modifier.labels
    }
    assert named <= by | FROM_SCRAPING


def test_prometheus_reads_the_rules_and_the_service() -> None:
    assert set(PROMETHEUS) <= {"global", "rule_files", "scrape_configs"}
    assert set(PROMETHEUS["global"]) <= {"scrape_interval", "evaluation_interval"}
    assert all(DURATION.fullmatch(value) for value in PROMETHEUS["global"].values())
    assert all(set(job) <= {"job_name", "static_configs"} for job in PROMETHEUS["scrape_configs"])
    assert PROMETHEUS["rule_files"] == ["alerts.yml"]
    (job,) = PROMETHEUS["scrape_configs"]
    assert any(f'job="{job["job_name"]}"' in rule["expr"] for rule in RULES)
    (target,) = job["static_configs"][0]["targets"]
    host, _, port = target.partition(":")
    assert COMPOSE["services"][host]["environment"]["CARPOOL_METRICS_PORT"] == port
    assert port in COMPOSE["services"][host]["expose"]


COMPOSE_KEYS = {
    "image", "build", "restart", "init", "environment", "volumes", "healthcheck", "stop_grace_period", "depends_on",
    "ports", "expose", "command",
}  # fmt: skip


HEALTHCHECK_KEYS = {"test": list, "interval": str, "timeout": str, "retries": int}
#: The keys of systemd.exec(5), systemd.service(5), systemd.kill(5) and systemd.unit(5) that the unit uses, with allowed
#: values.
ANYTHING, SWITCH, SECONDS = r".+", r"yes|no", r"\d+"
UNIT_KEYS = {
    "Unit": {"Description": ANYTHING, "After": r"[\w.-]+( [\w.-]+)*", "Wants": r"[\w.-]+"},
    "Service": {
        "Type": "exec|simple|notify", "User": r"\w+", "Group": r"\w+", "StateDirectory": r"\w+",
        "StateDirectoryMode": r"0[0-7]{3}",
        "WorkingDirectory": r"/.+", "Environment": r"\w+=.*", "EnvironmentFile": r"-?/.+", "ExecStart": r"/.+",
        "ExecReload": r"/.+", "KillMode": "control-group|mixed|process", "TimeoutStopSec": SECONDS,
        "Restart": "always|on-failure", "RestartSec": SECONDS, "LimitNOFILE": SECONDS, "NoNewPrivileges": SWITCH,
        "ProtectSystem": "strict|full", "ProtectHome": SWITCH, "PrivateTmp": SWITCH, "PrivateDevices": SWITCH,
        "ProtectKernelTunables": SWITCH, "ProtectKernelModules": SWITCH, "ProtectControlGroups": SWITCH,
        "RestrictAddressFamilies": r"AF_\w+( AF_\w+)*", "RestrictSUIDSGID": SWITCH, "LockPersonality": SWITCH,
        "MemoryDenyWriteExecute": SWITCH, "UMask": r"0[0-7]{3}",
    },
    "Install": {"WantedBy": r"[\w-]+\.target"},
}  # fmt: skip


@pytest.mark.parametrize("name", sorted(COMPOSE["services"]))
def test_a_service_is_made_of_what_compose_knows(name: str) -> None:
    service = COMPOSE["services"][name]
    assert set(service) <= COMPOSE_KEYS
    assert re.fullmatch(r"[\w./-]+(?::[\w.-]+)?", service["image"])
    for key, value in service.get("healthcheck", {}).items():
        assert isinstance(value, HEALTHCHECK_KEYS[key])
    assert service.get("build") or ":" in service["image"], "a version, not whatever is newest"
    waits = service.get("depends_on", {})
    assert set(waits) <= set(COMPOSE["services"])
    for other, how in waits.items() if isinstance(waits, dict) else ():
        assert how == {"condition": "service_healthy"}
        assert "healthcheck" in COMPOSE["services"][other]
    for volume in service.get("volumes", ()):
        source, target, *mode = volume.split(":")
        assert target.startswith("/")
        assert mode in ([], ["ro"])
        assert (OPS / source).exists() if source.startswith(".") else source in COMPOSE["volumes"]
    for port in service.get("ports", ()):
        assert re.fullmatch(r"127\.0\.0\.1:\d+:\d+", port), "open to this machine only"
    assert all(isinstance(value, str) for value in service.get("environment", {}).values())


def test_the_service_in_compose_has_settings_that_hold() -> None:
    """Every variable is a setting whose class takes the value, and no secret is written down."""
    service = COMPOSE["services"]["service"]
    assert set(service["build"]) == {"context"}
    assert (OPS / service["build"]["context"] / "Dockerfile").resolve() == ROOT / "Dockerfile"
    values = {settings.variable_name(f): (f, c) for c in settings.CONCERNS.values() for f in c.model_fields}
    held: dict[str, Any] = {}
    for variable, text in service["environment"].items():
        field, concern = values[variable]
        held[field] = getattr(concern.model_validate({field: re.sub(r"\$\{\w+:\?[^}]*\}", "filled-in", text)}), field)
    assert held["metrics_port"] == 9464
    (network,) = COMPOSE["networks"]["default"]["ipam"]["config"]
    assert held["trusted_proxies"] == network["subnet"], (
        "an address of the network around this machine is nobody's proxy"
    )
    assert ipaddress.ip_network(network["subnet"]).num_addresses <= 256
    password = "${POSTGRES_PASSWORD:?"
    assert password in service["environment"]["CARPOOL_DATABASE_URL"]
    assert COMPOSE["services"]["database"]["environment"]["POSTGRES_PASSWORD"].startswith(password)
    assert int(service["stop_grace_period"].removesuffix("s")) > (
        held["shutdown_delay_s"] + ServerSettings.model_construct().shutdown_grace_s
    )
    image = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    assert f"EXPOSE {service['ports'][0].rsplit(':', 1)[1]}" in image
    (volume,) = service["volumes"]
    assert f'VOLUME ["{volume.split(":")[1]}"]' in image
    assert "HEALTHCHECK" in image


def test_grafana_finds_prometheus_and_the_dashboard() -> None:
    provisioning = OPS / "grafana" / "provisioning"
    (source,) = yaml.safe_load((provisioning / "datasources" / "prometheus.yml").read_text(encoding="utf-8"))[
        "datasources"
    ]
    used = {panel["datasource"]["uid"] for panel in DASHBOARD["panels"] if panel["type"] != "row"}
    assert used == {source["uid"]}
    assert source["url"] == "http://prometheus:9090"
    (provider,) = yaml.safe_load((provisioning / "dashboards" / "carpool.yml").read_text(encoding="utf-8"))["providers"]
    targets = [volume.split(":")[1] for volume in COMPOSE["services"]["grafana"]["volumes"]]
    assert provider["options"]["path"] in targets


def test_the_unit_is_one_that_systemd_reads() -> None:
    unit = configparser.RawConfigParser(strict=False, delimiters=("=",))
    unit.optionxform = str  # type: ignore[assignment, method-assign]
    unit.read(OPS / "carpool.service", encoding="utf-8")
    assert unit.sections() == list(UNIT_KEYS)
    for section, known in UNIT_KEYS.items():
        for key, value in unit[section].items():
            # systemd passes over what it does not know with a warning that nobody reads.
            assert re.fullmatch(known[key], value), f"{key}={value}"
    service = unit["Service"]
    assert service["ExecStart"].split()[1:] == ["serve"]
    variable, _, folder = service["Environment"].partition("=")
    assert variable in {settings.variable_name(f) for c in settings.CONCERNS.values() for f in c.model_fields}
    assert folder == f"/var/lib/{service['StateDirectory']}" == service["WorkingDirectory"]
    stop = ServerSettings.model_construct().shutdown_grace_s
    assert int(service["TimeoutStopSec"]) > stop
    runbook = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    for path in (service["ExecStart"].split()[0].rsplit("/bin/", 1)[0], service["EnvironmentFile"]):
        assert path in runbook, f"the runbook does not say how {path} comes to be"
