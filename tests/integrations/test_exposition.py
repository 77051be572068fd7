"""The text format of metrics: names, labels, and what stands for special characters and numbers."""

from integrations.exposition import COUNTER, GAUGE, HISTOGRAM, Family, exposed


def test_a_metric_with_and_without_labels() -> None:
    family = Family("sluice_things_total", COUNTER, "Things.")
    family.add({}, 3)
    family.add({"environment": "abc", "kind": "live"}, 0.25)

    assert exposed([family]).splitlines() == [
        "# HELP sluice_things_total Things.",
        "# TYPE sluice_things_total counter",
        "sluice_things_total 3",
        'sluice_things_total{environment="abc",kind="live"} 0.25',
    ]


def test_whatever_would_end_a_label_or_a_line_is_escaped() -> None:
    family = Family("sluice_names", GAUGE, "Back\\slash\nand line.")
    family.add({"name": 'Care "new"\n\\ ☃'}, 1)

    assert exposed([family]).split("\n") == [
        r"# HELP sluice_names Back\\slash\nand line.",
        "# TYPE sluice_names gauge",
        r'sluice_names{name="Care \"new\"\n\\ ☃"} 1',
        "",
    ]


def test_a_histogram_counts_each_bucket_with_those_below() -> None:
    family = Family("sluice_seconds", HISTOGRAM, "Times.")
    family.add_histogram({"connection": "c"}, [0.5, 1], [2, 0, 1], 7.5)

    assert exposed([family]).splitlines()[2:] == [
        'sluice_seconds_bucket{connection="c",le="0.5"} 2',
        'sluice_seconds_bucket{connection="c",le="1"} 2',
        'sluice_seconds_bucket{connection="c",le="+Inf"} 3',
        'sluice_seconds_sum{connection="c"} 7.5',
        'sluice_seconds_count{connection="c"} 3',
    ]


def test_large_numbers_keep_every_digit() -> None:
    family = Family("sluice_n", COUNTER, "N.")
    family.add({}, 12_345_678_901_234)

    assert exposed([family]).splitlines()[-1] == "sluice_n 12345678901234"
