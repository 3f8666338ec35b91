"""The commands `parley simulate pool`, `parley simulate upload` and `parley simulate lottery`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

import msgspec
from msgspec import Meta

from parley.errors import ConfigError, ErrorCode, LocalError
from parley.node.program import Program, Tone
from parley.node.registry import Audience, Command

if TYPE_CHECKING:  # slow to load
    from parley.simulation.tables import Table

__all__ = [
    "COMMANDS",
    "SimulateLottery",
    "SimulatePool",
    "SimulateUpload",
    "simulate",
    "simulate_lottery_tickets",
    "simulate_tickets",
]

_DRAWINGS: Final = (".png", ".svg", ".pdf")

Share = Annotated[float, Meta(ge=0, le=1)]


class SimulatePool(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Parameters of `simulate pool`."""

    nodes: Annotated[int, Meta(ge=2, le=100_000, description="nodes of the network")] = 1_000
    degree: Annotated[int, Meta(ge=1, le=1_000, description="links of a node, on average for some graphs")] = 8
    graph: Annotated[
        Literal["regular", "erdos-renyi", "barabasi-albert", "small-world"], Meta(description="how links are chosen")
    ] = "regular"
    deepness: Annotated[int, Meta(ge=1, le=16, description="deepest query; each from 1 to it is asked")] = 5
    origins: Annotated[int, Meta(ge=1, le=10_000, description="nodes that ask, per graph")] = 12
    graphs: Annotated[int, Meta(ge=1, le=1_000, description="random graphs")] = 1
    latency: Annotated[
        str,
        Meta(
            description="of a message: constant:MS, uniform:LOW:HIGH, lognormal:MEDIAN:SIGMA or tor",
            extra_json_schema={"title": "LATENCY"},
        ),
    ] = "constant:50"
    loss: Annotated[Share, Meta(description="share of messages that are lost")] = 0.0
    churn: Annotated[Share, Meta(description="share of nodes that fall silent while a query runs")] = 0.0
    liars: Annotated[Share, Meta(description="share of nodes that drop, forge or relabel")] = 0.0
    sybils: Annotated[Share, Meta(description="share of nodes that answer with fakes only")] = 0.0
    rule: Annotated[
        Literal["random", "node", "link", "link-author"],
        Meta(description="which records stay in an answer that is cut; link-author is what nodes do"),
    ] = "link-author"
    size_limit: Annotated[int, Meta(ge=1, le=100_000, description="most records of an answer")] = 100_000
    records: Annotated[int, Meta(ge=0, le=100_000, description="true records; 0 gives each honest node one")] = 0
    budget_ms: Annotated[int, Meta(ge=1, le=600_000, description="time that a query may take")] = 8_000
    hop_margin_ms: Annotated[int, Meta(ge=1, le=60_000, description="how much earlier each hop must answer")] = 700
    seed: Annotated[int, Meta(ge=0, description="of all chance; the same seed gives the same figures")] = 1
    plot: Annotated[
        str | None,
        Meta(description="draw the report into this .png, .svg or .pdf", extra_json_schema={"title": "FILE"}),
    ] = None
    study: Annotated[
        Literal["reach", "order", "sybils", "churn", "latency", "lies", "load", "push", "freshness", "eclipse"] | None,
        Meta(description="compare many simulations instead; takes --origins, --nodes (reach) and --seed"),
    ] = None
    table: Annotated[bool, Meta(description="the same as --study reach: figures beside published ones")] = False


def simulate(program: Program, parameters: SimulatePool) -> int:
    """Run one simulation or one study, and print its tables."""
    if parameters.table or parameters.study is not None:
        return _study(program, parameters)
    from parley.simulation.config import Rule, SimulationConfig  # these load what is slow to load
    from parley.simulation.graphs import GraphKind
    from parley.simulation.plots import plot
    from parley.simulation.pool import simulate_pool
    from parley.simulation.tables import report_tables
    from parley.testing.network import parse_latency

    if parameters.plot is not None:
        _check_drawing(Path(parameters.plot))
    settings: dict[str, Any] = msgspec.structs.asdict(parameters)
    for name in ("plot", "study", "table"):
        del settings[name]
    config = SimulationConfig(
        **{
            **settings,
            "graph": GraphKind(parameters.graph),
            "rule": Rule(parameters.rule),
            "latency": parse_latency(parameters.latency),
        }
    )
    with program.output.progress("simulating", total=config.graphs * config.origins) as shown:
        report = simulate_pool(config, lambda what, done, total: shown.advance(done, f"{what}, {done} of {total}"))
    _print(program, report_tables(report))
    program.output.document(report.document())
    if parameters.plot is not None:
        try:
            plot(report, Path(parameters.plot))
        except OSError as error:
            raise ConfigError(ErrorCode.CONFIG_INVALID, setting="plot", file=parameters.plot) from error
        program.output.line(f"drawn: {parameters.plot}", Tone.GOOD)
    return 0


def _check_drawing(path: Path) -> None:
    """Refuse what could not be drawn before the long work begins."""
    if path.suffix not in _DRAWINGS or not path.parent.is_dir():
        raise ConfigError(
            ErrorCode.CONFIG_INVALID, setting="plot", file=str(path), wanted=f"a file {', '.join(_DRAWINGS)}"
        )


def _study(program: Program, parameters: SimulatePool) -> int:
    from parley.simulation.studies import Study, run_study  # loads what is slow to load

    study = Study(parameters.study or "reach")
    with program.output.progress(f"studying {study.value}") as shown:
        tables = run_study(
            study,
            origins=parameters.origins,
            seed=parameters.seed,
            nodes_max=parameters.nodes,
            progress=lambda what, done, total: shown.advance(done, f"{what}, {done} of {total}"),
        )
    _print(program, tables)
    program.output.document([table.document() for table in tables])
    return 0


def _print(program: Program, tables: tuple[Table, ...]) -> None:
    from parley.simulation.tables import cell_texts

    for table in tables:
        program.output.table(table.columns, cell_texts(table), table.title)
        if table.note:
            program.output.line(table.note, Tone.FAINT)
        program.output.line()


class SimulateUpload(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Parameters of `simulate upload`."""

    flood: Annotated[
        Literal["all", "none", "names", "one-name", "hoard"],
        Meta(description="how the flood earns its tickets; all compares them"),
    ] = "all"
    senders: Annotated[int, Meta(ge=0, le=10_000, description="honest senders")] = 200
    messages_per_hour: Annotated[int, Meta(ge=1, le=600, description="of one honest sender, on average")] = 6
    sender_tries_per_second: Annotated[
        int, Meta(ge=1_000, le=10**9, description="speed of an honest sender; the default is Python on one core")
    ] = 2_200_000
    flood_tries_per_second: Annotated[
        int, Meta(ge=1_000, le=10**12, description="speed of the flood; the default is two cores with AVX-512")
    ] = 176_000_000
    patience_s: Annotated[
        int, Meta(ge=1, le=86_400, description="what an honest sender is willing to compute for one message")
    ] = 300
    minutes: Annotated[int, Meta(ge=1, le=1_440, description="how long to simulate")] = 150
    flood_from: Annotated[int, Meta(ge=0, le=1_440, description="minute in which the flood begins")] = 30
    flood_until: Annotated[int, Meta(ge=0, le=1_440, description="minute in which the flood ends")] = 90
    floor_units: Annotated[int, Meta(ge=1, le=2**30, description="lowest price; a unit is 4096 tries")] = 256
    ceiling_units: Annotated[int, Meta(ge=1, le=2**30, description="highest price without a surcharge")] = 65_536
    target_per_minute: Annotated[int, Meta(ge=1, le=1_000_000, description="tickets that the node likes to bear")] = 60
    surcharge_percent: Annotated[int, Meta(ge=0, le=1_000, description="added by one recent ticket of a sender")] = 50
    seed: Annotated[int, Meta(ge=0, description="of all chance; the same seed gives the same figures")] = 1
    plot: Annotated[
        str | None,
        Meta(description="draw the report into this .png, .svg or .pdf", extra_json_schema={"title": "FILE"}),
    ] = None


_NODE_SETTINGS: Final = ("floor_units", "ceiling_units", "target_per_minute", "surcharge_percent")


def simulate_tickets(program: Program, parameters: SimulateUpload) -> int:
    """Simulate the price of tickets, and print a table."""
    from parley.simulation.upload import Flood, UploadSimulation, simulate_upload  # these load what is slow to load
    from parley.simulation.upload_report import plot_uploads, upload_table
    from parley.upload.config import UploadConfig

    if parameters.plot is not None:
        _check_drawing(Path(parameters.plot))
    settings: dict[str, Any] = msgspec.structs.asdict(parameters)
    del settings["plot"], settings["flood"]
    upload = UploadConfig(**{name: settings.pop(name) for name in _NODE_SETTINGS})
    floods = tuple(Flood) if parameters.flood == "all" else (Flood(parameters.flood),)
    reports = []
    with program.output.progress("simulating", total=len(floods) * parameters.minutes) as shown:
        for number, flood in enumerate(floods):
            config = UploadSimulation(upload=upload, flood=flood, **settings)
            shown.advance(number * parameters.minutes, f"flood: {flood.value}")
            reports.append(simulate_upload(config))
    _print(program, (upload_table(reports),))
    program.output.document([report.document() for report in reports])
    if parameters.plot is not None:
        try:
            plot_uploads(reports, Path(parameters.plot))
        except OSError as error:
            raise ConfigError(ErrorCode.CONFIG_INVALID, setting="plot", file=parameters.plot) from error
        program.output.line(f"drawn: {parameters.plot}", Tone.GOOD)
    return 0


Amount = Annotated[str, Meta(extra_json_schema={"title": "AMOUNT"})]


class SimulateLottery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Parameters of `simulate lottery`."""

    price: Annotated[Amount, Meta(description="of a request, and so what its ticket is worth")] = "100 gwei"
    gas_price: Annotated[Amount, Meta(description="of one gas")] = "0.1 gwei"
    requests: Annotated[int, Meta(ge=1, le=10**9, description="over which income is looked at")] = 1_000_000
    variance_budget: Annotated[
        float, Meta(ge=0.0001, le=10, description="standard deviation of their income, as a share of its mean")
    ] = 0.05
    gas_budget: Annotated[float, Meta(ge=0.0001, le=1, description="share of income that gas may take")] = 0.1
    redeem_gas: Annotated[
        int, Meta(ge=0, le=10**8, description="gas of one redemption; in a batch of ten 52757 each")
    ] = 86_542
    float_limit: Annotated[
        Amount, Meta(description="what the sender's reserve guarantees; 0 wei: as much as is needed")
    ] = "0 wei"
    requests_per_minute: Annotated[int, Meta(ge=1, le=10**6, description="of one sender")] = 600
    redemption_minutes: Annotated[int, Meta(ge=0, le=10_000, description="from a win to its payment")] = 10
    cost_share: Annotated[
        float, Meta(ge=0.01, le=1, description="of the price that serving a request costs the recipient")
    ] = 0.8
    cushion_requests: Annotated[
        int, Meta(ge=0, le=10**9, description="that the recipient can serve before it is paid")
    ] = 20_000
    runs: Annotated[int, Meta(ge=2, le=10_000, description="of all requests, for each face value")] = 400
    seed: Annotated[int, Meta(ge=0, description="of all chance; the same seed gives the same figures")] = 1
    plot: Annotated[
        str | None,
        Meta(description="draw the report into this .png, .svg or .pdf", extra_json_schema={"title": "FILE"}),
    ] = None


_AMOUNTS: Final = ("price", "gas_price", "float_limit")


def simulate_lottery_tickets(program: Program, parameters: SimulateLottery) -> int:
    """Simulate the income from tickets of several face values, and recommend one."""
    from parley.simulation.lottery import simulate_lottery  # these load what is slow to load
    from parley.simulation.lottery_config import LotterySimulation
    from parley.simulation.lottery_report import advice_lines, advice_table, lottery_table, plot_lottery

    if parameters.plot is not None:
        _check_drawing(Path(parameters.plot))
    settings: dict[str, Any] = msgspec.structs.asdict(parameters)
    del settings["plot"]
    for name in _AMOUNTS:
        settings[f"{name}_wei"] = _wei(name, settings.pop(name))
    config = LotterySimulation(**settings)
    with program.output.progress("simulating") as shown:
        report = simulate_lottery(config, lambda done, total: shown.advance(done, f"face value {done} of {total}"))
    tones = (Tone.GOOD, Tone.FAINT) if report.advice.fits else (Tone.HEADING, Tone.BAD)
    for number, line in enumerate(advice_lines(report)):
        program.output.line(line, tones[number > 0])
    program.output.line()
    _print(program, (advice_table(report), lottery_table(report)))
    program.output.document(report.document())
    if parameters.plot is not None:
        try:
            plot_lottery(report, Path(parameters.plot))
        except OSError as error:
            raise ConfigError(ErrorCode.CONFIG_INVALID, setting="plot", file=parameters.plot) from error
        program.output.line(f"drawn: {parameters.plot}", Tone.GOOD)
    return 0


def _wei(name: str, text: str) -> int:
    from parley.ledgers.evm.amounts import parse_wei

    try:
        return parse_wei(text)
    except LocalError as error:
        raise ConfigError(ErrorCode.CONFIG_INVALID, setting=name, wanted=error.facts["wanted"]) from error


COMMANDS: Final = (
    Command(
        method="simulate_pool",
        audience=Audience.LOCAL,
        parameters=SimulatePool,
        run=simulate,
        summary="Ask thousands of simulated nodes, and print what is found at what cost.",
        words=("simulate", "pool"),
    ),
    Command(
        method="simulate_upload",
        audience=Audience.LOCAL,
        parameters=SimulateUpload,
        run=simulate_tickets,
        summary="Flood a simulated node with work, and print what a ticket costs whom.",
        words=("simulate", "upload"),
    ),
    *(
        Command(
            method="_".join(words),
            audience=Audience.LOCAL,
            parameters=SimulateLottery,
            run=simulate_lottery_tickets,
            summary="Recommend a face value for lottery tickets, and print what each would come to.",
            words=words,
        )
        for words in (("simulate", "lottery"), ("lottery", "simulate"))
    ),
)
