"""`qwenq retry`: run a job's failed documents again."""

import click

from qwenq.cli.options.shared import json_option, option


@click.command(name="retry")
@click.argument("job", type=int)
@option("--code", "codes", multiple=True, metavar="CODE",
        help="Only documents with this error code; may be given several times.")  # fmt: skip
@json_option
def command(job: int, codes: tuple[str, ...], as_json: bool) -> int:
    """Run the failed documents of JOB again, once it has ended.

    What is answered stays. How each failed before is kept: the errors file and `qwenq results --history` tell it.
    Bad rows stay failed, for there is nothing to run.
    """
    from qwenq.cli.jobs.revivals import tell_revival
    from qwenq.jobs.changing import retry
    from qwenq.schemas.settings import load_settings

    tell_revival(retry(job, codes, load_settings()), as_json=as_json)
    return 0
