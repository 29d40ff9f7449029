"""``benchmarks.stacks``, on the stored evidence."""

from benchmarks.stacks import main


def test_a_stack_is_equivalent_to_itself(capsys):
    assert main(["jax-cpu", "--against", "jax-cpu"]) == 0
    assert " 0 different, " in capsys.readouterr().out


def test_clipped_probabilities_differ(capsys):
    """A loss of probabilities that Keras clips at 1e-7 is at most 16.1, on JAX; see docs/measurements-in-detail.md."""
    assert main(["jax-cpu"]) == 0
    output = capsys.readouterr().out
    assert any("plain, rate 8 " in line and " val_loss " in line for line in output.splitlines())
    assert "batch-normalization-rates/plain, rate 0.1" not in output


def test_a_stack_without_evidence(tmp_path, capsys):
    assert main(["jax-tpu"]) == 2
    assert "Stacks with evidence: jax-cpu, tensorflow-cpu, torch-cpu." in capsys.readouterr().err
    assert main(["jax-tpu", "--root", str(tmp_path)]) == 2
    assert "Stacks with evidence: none." in capsys.readouterr().err
