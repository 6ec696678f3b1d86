"""Encrypted Parquet files are told as such; PyArrow would end the process at an encrypted column."""

import base64
import io

import pyarrow as pa
import pytest
from pyarrow import parquet
from pyarrow.parquet import encryption

from qwenq.producer.reading.parquet.encryption import is_encrypted
from qwenq.producer.reading.parquet.rows import parquet_pieces
from qwenq.schemas.errors import UnreadableDocument

TABLE = pa.table({"text": ["a", "b"], "secret": ["x", "y"]})


class _Keys(encryption.KmsClient):  # type: ignore[misc]
    def wrap_key(self, key: bytes, _: str) -> bytes:
        return base64.b64encode(key)


def encrypted(*, plaintext_footer: bool) -> bytes:
    factory = encryption.CryptoFactory(lambda _: _Keys())
    how = encryption.EncryptionConfiguration(
        "footer", column_keys={"column": ["secret"]}, plaintext_footer=plaintext_footer
    )
    properties = factory.file_encryption_properties(encryption.KmsConnectionConfig(), how)
    file = io.BytesIO()
    with parquet.ParquetWriter(file, TABLE.schema, encryption_properties=properties) as writer:
        writer.write_table(TABLE)
    return file.getvalue()


@pytest.mark.parametrize("plaintext_footer", [False, True])
def test_an_encrypted_file_or_column_is_refused_as_encrypted(plaintext_footer: bool) -> None:
    file = io.BytesIO(encrypted(plaintext_footer=plaintext_footer))
    with pytest.raises(UnreadableDocument, match="it is encrypted, or some of its columns are"):
        list(parquet_pieces(file, first_only=False))


def test_damaged_and_ordinary_footers_are_not_encrypted() -> None:
    data = encrypted(plaintext_footer=True)
    for place in range(0, len(data), 7):
        is_encrypted(io.BytesIO(data[:place] + bytes([data[place] ^ 0xFF]) + data[place + 1 :]))
        is_encrypted(io.BytesIO(data[:place]))
    file = io.BytesIO()
    parquet.write_table(TABLE, file)
    assert not is_encrypted(file)
    assert not is_encrypted(io.BytesIO(b"PAR1"))
