import numpy as np
import pytest

from ntadyn.tasks.csv_stream import Layout, classification_stream, regression_stream

TEXT = """task,x1,x2,y,kind
spring,1,10,0.5,hot
spring,2,20,1.5,cold
"autumn, late",3,30,2.5,cold
"autumn, late",4,40,3.5,hot

spring,5,50,4.5,hot
spring,6,60,5.5,cold
"""


@pytest.fixture
def write(tmp_path):
    def written(text, encoding="utf-8"):
        path = tmp_path / "stream.csv"
        path.write_text(text, encoding=encoding)
        return path

    return written


def test_numbers(write):
    found = regression_stream(write(TEXT), ["y"], Layout(inputs=("x2", "x1"), held_out=0.25))
    assert found.tasks.names == ("spring", "autumn, late")
    assert found.inputs == ("x2", "x1")
    assert found.outputs == ("y",)
    assert found.tasks.heads is None
    assert found.tasks.practised.counts.tolist() == [3, 1]
    assert found.tasks.held_out.counts.tolist() == [1, 1]
    for part in (found.tasks.practised, found.tasks.held_out):
        inputs, targets = np.asarray(part.inputs), np.asarray(part.targets)
        np.testing.assert_allclose(inputs[..., 0], 10 * inputs[..., 1])
        np.testing.assert_allclose(targets[..., 0], inputs[..., 1] - 0.5)
    rows = {int(x) for part in (found.tasks.practised, found.tasks.held_out) for x in part.inputs[0, :, 1]}
    assert rows == {1, 2, 5, 6}
    # Blocks follow the file: spring, autumn, spring again.
    assert found.curriculum.tasks.tolist() == [0, 1, 0]
    assert found.curriculum.durations.tolist() == [1, 1, 1]


def test_classes_in_the_order_one_says(write):
    layout = Layout(inputs=("x1",), order=("autumn, late", "spring"), duration=3.0, held_out=0.5)
    found = classification_stream(write(TEXT, "utf-8-sig"), "kind", layout)
    assert found.outputs == ("cold", "hot")
    assert found.curriculum.tasks.tolist() == [1, 0]
    assert found.curriculum.durations.tolist() == [3, 3]
    # Held out in equal shares of both classes.
    assert sorted(np.asarray(found.tasks.held_out.targets[0])) == [0, 1]
    kinds = {1: 1, 2: 0, 3: 0, 4: 1, 5: 1, 6: 0}
    for part in (found.tasks.practised, found.tasks.held_out):
        for task, count in enumerate(part.counts.tolist()):
            for at in range(count):
                assert int(part.targets[task, at]) == kinds[int(part.inputs[task, at, 0])]


def test_classes_that_are_numbers_are_in_the_order_of_their_size(write):
    found = classification_stream(write("task,x,digit\na,1,10\na,2,9\na,3,10\n"), "digit")
    assert found.outputs == ("9", "10")
    assert found.inputs == ("x",)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "no header"),
        ("task,x,y\n", "a header but no rows"),
        ("job,x,y\na,1,2\na,1,2\n", r"line 1: there is no column 'task'; the columns are \['job', 'x', 'y'\]"),
        ("task,x,z\na,1,2\na,1,2\n", "line 1: there is no column 'y'"),
        ("task,x,x,y\na,1,1,2\na,1,1,2\n", "line 1: the column 'x' is named twice"),
        ("task,y\na,1\na,2\n", "one further column as input"),
        ("task,x,y\na,1,2\n\na,1\n", "line 4: it has 2 fields, the header has 3"),
        ("task,x,y\na,1,2\na,warm,2\n", "line 3, column 'x': 'warm' is not a finite number"),
        ("task,x,y\na,1,2\na,1,nan\n", "line 3, column 'y': 'nan' is not a finite number"),
        ("task,x,y\na,1,2\na,,2\n", "line 3, column 'x': '' is not a finite number"),
        ("task,x,y\na,1,2\n,1,2\n", "line 3, column 'task': it is empty|line 3, column 'task' is empty"),
        ("task,x,y\na,1,2\na,1,2\nb,1,2\n", "line 4: it is the only row of the task 'b'"),
    ],
)
def test_what_is_wrong_is_said_with_its_line(write, text, said):
    with pytest.raises(ValueError, match=said):
        regression_stream(write(text), ["y"])


def test_an_order_of_unknown_tasks_is_refused(write):
    with pytest.raises(ValueError, match=r"`order` names the task 'winter'; the file has the tasks \['spring'"):
        regression_stream(write(TEXT), ["y"], Layout(inputs=("x1",), order=("winter",)))


def test_no_target_is_refused(write):
    with pytest.raises(ValueError, match="at least one target"):
        regression_stream(write(TEXT), [], Layout(inputs=("x1",)))


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(FileNotFoundError):
        regression_stream(tmp_path / "none.csv", ["y"])
