"""What the files of a folder tell before anything is loaded: what is missing or damaged, and other kinds of models."""

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from qwenq.schemas.errors import ModelUnavailable
from qwenq.worker.engines.transformers.loading.source import check_source
from tests.processes import TINY_MODEL

POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 4998\n"
PAGE = b"<!DOCTYPE html>\n<html><title>404</title></html>"
Change = Callable[[Path], object]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(shutil.copytree(TINY_MODEL, tmp_path / "model"))


def write(name: str, data: bytes) -> Change:
    return lambda folder: (folder / name).write_bytes(data)


def say(name: str = "config.json", **more: Any) -> Change:
    def change(folder: Path) -> None:
        file = folder / name
        found = json.loads(file.read_text()) if file.exists() else {}
        file.write_text(json.dumps(found | more))

    return change


def cut(folder: Path) -> None:
    os.truncate(folder / "model.safetensors", 5_000)


def without_template(folder: Path) -> None:
    (folder / "chat_template.jinja").unlink()


def legacy_template(template: object) -> Change:
    def change(folder: Path) -> None:
        without_template(folder)
        say("chat_template.json", chat_template=template)(folder)

    return change


def in_place_of_config(name: str, **found: Any) -> Change:
    def change(folder: Path) -> None:
        (folder / "config.json").unlink()
        say(name, **found)(folder)

    return change


def only_gguf(folder: Path) -> None:
    (folder / "model.safetensors").rename(folder / "model-Q4_K_M.gguf")


CASES: dict[str, tuple[Change, str]] = {
    "weights, pointer": (write("model.safetensors", POINTER), "safetensors is a pointer of git LFS, .*`git lfs pull`"),
    "weights, page": (write("model.safetensors", PAGE), "model.safetensors is a web page, not the file: download"),
    "weights, zeros": (write("model.safetensors", b"\0" * 99), r"its model.safetensors (has 99 bytes|is damaged)"),
    "weights, other": (write("model.safetensors", b"no weights"), r"its model.safetensors is damaged \(no header"),
    "weights, empty": (write("model.safetensors", b""), "its model.safetensors is empty: download it again"),
    "weights, cut": (cut, r"its model.safetensors has 5,000 bytes instead of [\d,]+: download it again"),
    "shards": (
        say("model.safetensors.index.json", weight_map={"a": "one.safetensors", "b": "model.safetensors"}),
        "it lacks 1 of its 2 weight files, one.safetensors first",
    ),
    "tokenizer, pointer": (write("tokenizer.json", POINTER), "its tokenizer.json is a pointer of git LFS"),
    "tokenizer, damaged": (write("tokenizer.json", b'{"version": '), "tokenizer.json is damaged .*: download it again"),
    "config, page": (write("config.json", PAGE), "its config.json is a web page"),
    "config, list": (write("config.json", b"[]"), r"its config.json is damaged \(no JSON object\)"),
    "generation": (write("generation_config.json", b"{'temperature': 0.6}"), "generation_config.json is damaged"),
    "template": (write("chat_template.jinja", b"{% for a in b %}"), r"jinja is not valid Jinja2 \(line 1\)"),
    "base": (without_template, "no chat template: it is a base model; take the model's chat or instruct version"),
    "base, legacy": (legacy_template(None), "no chat template: it is a base model"),
    "template, legacy": (legacy_template("{% for a in b %}"), r"chat_template.json is not valid Jinja2 \(line 1\)"),
    "adapter": (
        in_place_of_config("adapter_config.json", base_model_name_or_path="Qwen/Qwen3-8B"),
        r"a LoRA adapter alone \(of Qwen/Qwen3-8B\): merge it into its model",
    ),
    "gguf": (only_gguf, "GGUF is llama.cpp's format: take the model's version with safetensors"),
    "pictures": (in_place_of_config("model_index.json"), r"makes pictures \(diffusers\): take a chat model"),
    "embedding": (say("modules.json"), "it is an embedding model.*: take a chat model, such as Qwen/Qwen3-8B"),
    "no head": (say(architectures=["Qwen3Model"]), "names Qwen3Model, which has no head for text, as embedding models"),
    "classifier": (say(architectures=["Qwen3ForSequenceClassification"]), "a classifier or a reranker.*: take a"),
    "gaps": (say(architectures=["BertForMaskedLM"]), "fills gaps in a text"),
    "asr": (say(model_type="qwen3_asr"), "it is a model for speech recognition: take a chat model"),
    "speech": (say(model_type="moshi"), "it is a model for sound and speech: take a chat model"),
    "music": (say(model_type="musicgen"), "it is a model that makes music: take a chat model"),
    "scans": (say(model_type="trocr"), "it is a model that reads or describes pictures: take a chat model"),
    "audio": (say(model_type="qwen2_audio"), "it is a model for sound and speech: take the text model"),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_what_the_files_of_a_folder_show_is_told_with_what_to_do(folder: Path, case: str) -> None:
    change, said = CASES[case]
    change(folder)
    with pytest.raises(ModelUnavailable, match=said):
        check_source(str(folder))


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("Qwen3-Embedding-0.6B", "an embedding model"),
        ("Qwen3-Reranker-4B", "a reranker, which gives a score"),
    ],
)
def test_a_kind_of_model_is_known_by_its_name(folder: Path, name: str, said: str) -> None:
    with pytest.raises(ModelUnavailable, match=said):
        check_source(str(folder.rename(folder.parent / name)))


def test_a_gguf_file_is_told_for_what_it_is(tmp_path: Path) -> None:
    (tmp_path / "model.gguf").write_bytes(b"GGUF")
    with pytest.raises(ModelUnavailable, match="GGUF is"):
        check_source(str(tmp_path / "model.gguf"))


@pytest.mark.parametrize("change", [
    lambda _: None,
    write("training_args.bin", POINTER),
    legacy_template("{{ messages }}"),
    say("tokenizer_config.json", chat_template=[{"name": "default", "template": "{{ messages }}"}]),
    say(architectures=["Qwen3ForCausalLM"], model_type="own"),
])  # fmt: skip
def test_a_folder_that_may_be_loaded_is_not_refused(folder: Path, change: Change) -> None:
    change(folder)
    check_source(str(folder))
