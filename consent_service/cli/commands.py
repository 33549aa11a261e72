"""What an operator types after ``consent-service``. Every command's help says what it is for and shows an example."""

import typer

from consent_service.cli import (
    audit,
    deliveries,
    demonstration,
    erasures,
    keys,
    migrate,
    openapi,
    persons,
    sandbox,
    serve,
    units,
    vault,
)

app = typer.Typer(
    name="consent-service",
    help=(
        "Consent, release and delivery between the parties of Trøndelagsmodellen.\n\n"
        "To see it all at once: consent-service demo. To run it for real: set the CONSENT_ variables (README), then "
        "migrate, keys init, units add, units clients add, serve, work.\n\n"
        "No command opens content: what a candidate wrote is read by her, and by whom she lets read it."
    ),
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("serve")(serve.serve)
app.command("work")(serve.work)
app.command("migrate")(migrate.migrate)
app.command("demo")(demonstration.demo)
app.command("sandbox")(sandbox.sandbox)
app.command("openapi")(openapi.openapi)
app.add_typer(keys.app, name="keys")
app.add_typer(units.app, name="units")
app.add_typer(persons.app, name="persons")
app.add_typer(deliveries.app, name="deliveries")
app.add_typer(audit.app, name="audit")
app.add_typer(erasures.app, name="erasures")
app.add_typer(vault.app, name="vault")
