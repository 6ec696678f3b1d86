"""OpenAI's own types as a measure: an object of ours has every field of theirs."""

import openai.types as theirs
import pytest
from openai.types.batch_usage import BatchUsage
from openai.types.uploads import UploadPart
from pydantic import BaseModel

from qwenq.server import objects as ours


@pytest.mark.parametrize(
    ("our", "their"),
    [
        (ours.Batch, theirs.Batch),
        (ours.Counts, theirs.BatchRequestCounts),
        (ours.Fault, theirs.BatchError),
        (ours.Usage, BatchUsage),
        (ours.File, theirs.FileObject),
        (ours.Deleted, theirs.FileDeleted),
        (ours.Upload, theirs.Upload),
        (ours.UploadPart, UploadPart),
        (ours.Model, theirs.Model),
    ],
)
def test_an_object_has_every_field_of_openais(our: type[BaseModel], their: type[BaseModel]) -> None:
    assert set(their.model_fields) - set(our.model_fields) == set()
