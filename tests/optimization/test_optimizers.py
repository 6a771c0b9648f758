"""L-BFGS against SciPy's, Adam against Keras', and what both promise."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from keras import ops
from scipy.optimize import minimize, rosen, rosen_der

from impasto.engine.gradients import Evaluation, to_host
from impasto.engine.vectors import DeviceVectors, HostVectors, vectors_for
from impasto.optimization.optimizers import LBFGS, Adam


def evaluation_of(value, gradient):
    def evaluate(point):
        return Evaluation(float(value(point)), np.zeros(1, np.float32), gradient(point).astype(np.float32))

    return evaluate


ROSENBROCK = evaluation_of(
    lambda x: rosen(x.ravel().astype(np.float64)),
    lambda x: rosen_der(x.ravel().astype(np.float64)).reshape(x.shape),
)


def counted(evaluate):
    def count(point):
        count.calls += 1
        return evaluate(point)

    count.calls = 0
    return count


def test_lbfgs_solves_rosenbrock_with_as_many_evaluations_as_scipy():
    start = np.tile(np.array([-1.2, 1.0], np.float32), 5).reshape(1, 2, 5)
    evaluate = counted(ROSENBROCK)
    optimizer = LBFGS(evaluate, start)
    while optimizer.evaluation.total > 1e-5 and evaluate.calls < 1000:
        optimizer.step()
    theirs = counted(ROSENBROCK)

    def scipys(x):
        found = theirs(x.astype(np.float32))
        return found.total, found.gradient.astype(np.float64)

    minimize(scipys, start.ravel(), jac=True, method="L-BFGS-B", options={"maxcor": 12})
    np.testing.assert_allclose(optimizer.point, 1.0, atol=0.02)
    assert evaluate.calls <= 1.5 * theirs.calls


def test_lbfgs_direction_is_the_two_loop_recursion():
    rng = np.random.default_rng(1)
    matrix = rng.normal(size=(12, 12))
    matrix = matrix @ matrix.T + 12 * np.eye(12)
    quadratic = evaluation_of(
        lambda x: x.ravel() @ matrix @ x.ravel() / 2, lambda x: (matrix @ x.ravel()).reshape(x.shape)
    )
    optimizer = LBFGS(quadratic, rng.normal(size=(1, 4, 3)).astype(np.float32), memory=4)
    history = []
    for _ in range(7):
        before = optimizer.point, optimizer.evaluation.gradient
        optimizer.step()
        history.append(
            ((optimizer.point - before[0]).ravel(), (optimizer.evaluation.gradient - before[1]).ravel())
        )
    expected = -two_loops(optimizer.evaluation.gradient.ravel().astype(np.float64), history[-4:])
    np.testing.assert_allclose(np.ravel(optimizer._direction()), expected, rtol=2e-3, atol=1e-6)


def two_loops(gradient, pairs):
    """Nocedal's recursion as textbooks print it, float64."""
    q, alphas = gradient.copy(), []
    for s, y in reversed(pairs):
        alphas.append(s @ q / (y @ s))
        q -= alphas[-1] * y
    s, y = pairs[-1]
    q *= (s @ y) / (y @ y)
    for (s, y), alpha in zip(pairs, reversed(alphas), strict=True):
        q += s * (alpha - y @ q / (y @ s))
    return q


def test_lbfgs_never_goes_up_and_survives_a_wall():
    def value(x):
        return np.inf if np.abs(x).max() > 2 else np.square(x - 1).sum() + np.abs(x).sum() ** 1.5

    def gradient(x):
        return 2 * (x - 1) + 1.5 * np.sqrt(np.abs(x).sum()) * np.sign(x)

    optimizer = LBFGS(evaluation_of(value, gradient), np.full((1, 3, 3), 1.9, np.float32))
    values = [optimizer.evaluation.total]
    for _ in range(30):
        values.append(optimizer.step().total)
    assert all(after <= before for before, after in itertools.pairwise(values))
    assert values[-1] < 0.5 * values[0]


def test_lbfgs_stays_where_the_gradient_is_zero():
    optimizer = LBFGS(
        evaluation_of(lambda x: np.square(x).sum(), lambda x: 2 * x), np.zeros((1, 2, 2), np.float32)
    )
    assert optimizer.step().total == 0
    np.testing.assert_array_equal(optimizer.point, 0)


def test_adam_is_keras_adam():
    import keras

    start = np.array([[0.3, -2.0, 1.5]], np.float32)
    optimizer = Adam(
        evaluation_of(lambda x: np.square(x).sum() ** 2, lambda x: 4 * np.square(x).sum() * x), start, 0.05
    )
    variable = keras.Variable(start)
    theirs = keras.optimizers.Adam(0.05)
    for _ in range(25):
        optimizer.step()
        x = keras.ops.convert_to_numpy(variable)
        theirs.apply(
            [keras.ops.convert_to_tensor((4 * np.square(x).sum() * x).astype(np.float32))], [variable]
        )
    np.testing.assert_allclose(optimizer.point, keras.ops.convert_to_numpy(variable), atol=2e-5)


def test_adam_first_step_has_the_length_of_the_rate():
    optimizer = Adam(
        evaluation_of(lambda x: x.sum(), lambda x: np.ones_like(x)), np.zeros((1, 2), np.float32), 0.02
    )
    optimizer.step()
    assert optimizer.point == pytest.approx(-0.02, rel=1e-3)


def test_on_the_device_as_on_the_host():
    """What a GPU would do, with the engine's own arrays, gives the same points."""
    from keras import ops

    def on_device(point):
        x = ops.convert_to_numpy(point)
        return Evaluation(
            float(np.square(x - 2).sum() + (x**4).sum()),
            np.zeros(1, np.float32),
            ops.convert_to_tensor((2 * (x - 2) + 4 * x**3).astype(np.float32)),
        )

    def on_host(point):
        found = on_device(ops.convert_to_tensor(point))
        return Evaluation(found.total, found.terms, ops.convert_to_numpy(found.gradient))

    start = np.linspace(-1, 1, 24, dtype=np.float32).reshape(1, 2, 4, 3)
    for make in (LBFGS, Adam):
        host, device = make(on_host, start), make(on_device, ops.convert_to_tensor(start))
        for _ in range(8):
            host.step()
            device.step()
        np.testing.assert_allclose(ops.convert_to_numpy(device.point), host.point, atol=1e-4)


def test_the_engines_vectors_take_the_same_path_as_the_hosts():
    """On a GPU the vectors are the engine's; here the same code runs on the processor."""
    start = np.tile(np.array([-1.2, 1.0], np.float32), 5).reshape(1, 2, 5)

    def on_the_engine(point):
        found = ROSENBROCK(to_host(point))
        return Evaluation(found.total, found.terms, ops.convert_to_tensor(found.gradient))

    host, device = LBFGS(ROSENBROCK, start, memory=3), LBFGS(on_the_engine, ops.convert_to_tensor(start), 3)
    assert vectors_for(host.point) is HostVectors and vectors_for(device.point) is DeviceVectors
    for _ in range(12):
        expected, found = host.step(), device.step()
        assert found.total == pytest.approx(expected.total, rel=1e-3)
    np.testing.assert_allclose(to_host(device.point), host.point, atol=1e-3)


@pytest.mark.parametrize("kind", [LBFGS, Adam])
def test_released_optimizers_keep_point_and_state(kind):
    optimizer = kind(ROSENBROCK, np.zeros((1, 2, 500), np.float32))
    for _ in range(3):
        optimizer.step()
    point, before = optimizer.point.copy(), sum(np.asarray(v).nbytes for v in optimizer.state().values())
    optimizer.release()
    np.testing.assert_array_equal(optimizer.point, point)
    np.testing.assert_array_equal(optimizer.state()["point"], point)
    assert sum(np.asarray(v).nbytes for v in optimizer.state().values()) < before / 1.8
