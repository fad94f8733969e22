use super::*;
use crate::report::html::run::page;
use crate::report::terminal::tests::sample;

#[test]
fn nothing_comes_from_outside_and_nothing_goes_there() {
    let text = page(&sample()).render();
    for banned in ["http:", "https:", "src=", "@import", "url(", " style=", "onclick"] {
        assert!(!text.contains(banned), "`{banned}` stands in the page");
    }
    assert!(text.contains("default-src 'none'"));
}

/// `printf '' | openssl dgst -sha256 -binary | base64`, and the same of `abc`.
#[test]
fn hashes_are_those_of_browsers() {
    assert_eq!(hash(""), "sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=");
    assert_eq!(hash("abc"), "sha256-ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=");
}

#[test]
fn what_people_write_is_text() {
    let mut report = sample();
    report.scenario.title = "</script><script>alert(1)</script>".to_owned();
    report.scenario.text = Some("</pre><img src=x>".to_owned());
    let text = page(&report).render();
    assert!(!text.contains("<script>alert") && !text.contains("<img"), "a name has become an element");
    assert_eq!(text.matches("</script>").count(), 2, "data, then the script of the page");
}

#[test]
fn the_same_report_gives_the_same_bytes_whatever_the_machine() {
    let mut other = sample();
    other.meta = Some(crate::report::Meta { engine: "x".to_owned(), jobs: 8, wall_s: 1.5, events_per_s: 2.0 });
    let text = page(&sample()).render();
    assert!(text == page(&other).render());
    assert!(text.len() < 200_000, "{} bytes", text.len());
}

#[test]
fn a_head_without_words_is_no_head() {
    let text = table(&rows(["", "value"], vec![["a".to_owned(), "1".to_owned()]]));
    assert!(text.contains("<thead><tr><td></td><th scope=\"col\" class=\"n\">value</th></tr>"), "{text}");
}

#[test]
fn a_cursor_stops_at_what_is_known() {
    let mut chart = Chart::new("a", "b", (10.0, 20.0));
    let at = vec![(3.25, "p50 · a <b>".to_owned()), (7.0, "p99 · 3 ms".to_owned())];
    chart.stops = Some(crate::report::chart::Stops { top: 2.0, bottom: 18.0, at });
    let text = figure(&chart);
    assert!(text.contains("data-stops=\"2 18\n3.2 p50 · a &lt;b&gt;\n7 p99 · 3 ms\""), "{text}");
    assert!(text.contains("readout"), "{text}");
}

#[test]
fn figures_stand_to_the_right_and_words_to_the_left() {
    let text = table(&rows(["what", "value", "word"], vec![["a".to_owned(), "$1.5".to_owned(), "b".to_owned()]]));
    assert!(text.contains("<td>a</td><td class=\"n\">$1.5</td><td>b</td>"), "{text}");
    for (cell, is_figure) in [("$1.5/month", true), ("−3.0%", true), ("31.5 ms ±2%", true), ("01-single-server", false)]
    {
        assert_eq!(starts_as_figure(cell), is_figure, "{cell}");
    }
}
