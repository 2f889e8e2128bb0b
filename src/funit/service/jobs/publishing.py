"""Publishes what a job trained: a program of its own, as making graphs takes PyTorch.

It may be killed and run again at any moment: the command that a run was started with names the
job's folder, and is kept with every version, so a version that is there is found again.
"""

import json
import sys
from pathlib import Path

from funit.errors import UserError
from funit.home import whole_file
from funit.model_folder import ModelInfo
from funit.onnx_export import can_export, write_graphs
from funit.repository import ModelRepository
from funit.service.jobs.requests import JobRequest, LocalRequest
from funit.statistics import training_statistics


def publish_once(run: Path, job_id: str, request: JobRequest, scores: Path | None) -> ModelInfo:
    """The version that holds the job's run: a new one, unless it was published before."""
    models = ModelRepository()
    info = find_published(models, request.name, job_id)
    if info is None:
        rows = json.loads(scores.read_text())["rows"] if scores else None
        info = models.publish(
            run,
            request.name,
            scores=rows,
            licence=request.licence,
            write_graphs=write_graphs if request.graphs and can_export() else None,
            measure_codes=training_statistics,
        )
    if request.alias is not None:
        models.set_alias(f"{info.name}@{info.version}", request.alias)
    return info


def find_published(models: ModelRepository, name: str, job_id: str) -> ModelInfo | None:
    """The version of NAME that this job published, if it did."""
    for info in models.list(on_problem=lambda _: None):
        if info.name == name and job_id in info.training.command:
            return info
    return None


def main() -> None:
    """`publishing RUN JOB_ID REQUEST SCORES RESULT`: the last file gets NAME@VERSION."""
    run, job_id, request, scores, result = sys.argv[1:]
    try:
        asked = LocalRequest.model_validate_json(Path(request).read_text())
        info = publish_once(Path(run), job_id, asked, Path(scores))
        with whole_file(Path(result)) as temporary:
            temporary.write_text(f"{info.name}@{info.version}")
    except UserError as error:
        sys.exit(f"Error: {error.message}\n\nhint: {error.hint}")


if __name__ == "__main__":
    main()
