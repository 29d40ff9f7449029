"""The networks of labs 10-2 to 10-4 in TensorFlow 1's own API, without Keras and without this suite: a second opinion.

``python examples/zero_to_all/tensorflow1.py 256 256`` prints the cost of each epoch of lab 10-2, and the accuracy.
``--xavier 256 256`` is lab 10-3, ``--xavier 512 512 512 512`` lab 10-4.
"""

from __future__ import annotations

import argparse
import itertools
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np


def train(units: Sequence[int], *, xavier: bool, epochs: int, seed: int) -> Iterator[float]:
    """Yields the mean cost over the batches of each epoch, and last the accuracy on the test images."""
    import tensorflow.compat.v1 as tf

    with np.load(Path(__file__).with_name("mnist.npz"), allow_pickle=False) as file:
        x, y, x_test, y_test = (file[name] for name in ("x_train", "y_train", "x_test", "y_test"))
    x, x_test = (part.reshape(-1, 784).astype("float32") / np.float32(255) for part in (x[5000:], x_test))
    y, y_test = (np.eye(10, dtype="float32")[part] for part in (y[5000:], y_test))
    rng = np.random.default_rng(seed)
    with tf.Graph().as_default(), tf.Session() as session:
        tf.set_random_seed(seed)
        images, labels = tf.placeholder(tf.float32, [None, 784]), tf.placeholder(tf.float32, [None, 10])
        sizes, outputs = [784, *units, 10], images
        for i, (before, behind) in enumerate(itertools.pairwise(sizes)):
            limit = (6 / (before + behind)) ** 0.5
            start = tf.random_uniform([before, behind], -limit, limit) if xavier else tf.random_normal([before, behind])
            outputs = tf.matmul(outputs, tf.Variable(start)) + tf.Variable(tf.random_normal([behind]))
            outputs = tf.nn.relu(outputs) if i < len(units) else outputs
        cost = tf.reduce_mean(tf.nn.softmax_cross_entropy_with_logits_v2(logits=outputs, labels=labels))
        step = tf.train.AdamOptimizer(learning_rate=0.001).minimize(cost)
        right = tf.reduce_mean(tf.cast(tf.equal(tf.argmax(outputs, 1), tf.argmax(labels, 1)), tf.float32))
        session.run(tf.global_variables_initializer())
        for _ in range(epochs):
            batches = rng.permutation(len(x)).reshape(-1, 100)
            yield float(np.mean([session.run([cost, step], {images: x[b], labels: y[b]})[0] for b in batches]))
        yield float(session.run(right, {images: x_test, labels: y_test}))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Trains a network of labs 10-2 to 10-4 with TensorFlow 1's API.")
    parser.add_argument("units", nargs="+", type=int, help="of each hidden layer")
    parser.add_argument("--xavier", action="store_true", help="Xavier's initialization, not N(0, 1)")
    parser.add_argument("--epochs", type=int, default=15)
    parser.add_argument("--seed", type=int, default=777)
    options = parser.parse_args()
    for value in train(options.units, xavier=options.xavier, epochs=options.epochs, seed=options.seed):
        print(f"{value:.6g}", flush=True)
