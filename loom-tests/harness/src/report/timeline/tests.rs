use super::*;

fn diagram(roles: &[&str], steps: &[(usize, &str)]) -> Diagram {
    let row = |(role, text): &(usize, &str)| Row {
        role: *role,
        text: (*text).into(),
        file: "src/a.rs".into(),
        located: None,
    };
    Diagram {
        title: "replace/no-drain".into(),
        about: "the drain".into(),
        roles: roles.iter().map(ToString::to_string).collect(),
        rows: steps.iter().map(row).collect(),
        failure: Some(Failure::new("lost extent", "[64K, 68K) is live but not on the target")),
        preemptions: Some(1),
        replay: "X_REPLAY='replace/no-drain@p1:7' cargo test".into(),
    }
}

#[test]
fn two_roles_as_in_the_kernels_changelogs() {
    let shown = text(&diagram(
        &["device replace", "COW writer"],
        &[
            (0, "finds block group 0"),
            (1, "allocate [64K, 68K)"),
            (1, "  --> from block group 0, which is not yet read-only and so lets the writer in"),
            (0, "set block group 0 read-only (0 -> 1)"),
        ],
    ));
    let expected = "\
replace/no-drain: the drain

                 device replace                                        COW writer
                 --------------                                        ----------

finds block group 0

                                                    allocate [64K, 68K)
                                                      --> from block group 0, which is not yet
                                                        read-only and so lets the writer in

set block group 0 read-only (0 -> 1)

=> lost extent: [64K, 68K) is live but not on the target
   1 preemption; replay: X_REPLAY='replace/no-drain@p1:7' cargo test
";
    assert_eq!(shown, expected);
}

#[test]
fn up_to_five_columns_never_overlap_and_fit() {
    let long = "waits for the ordered extents of block group 0 averyveryverylongwordwithoutanyspaces";
    for roles in 1..=5 {
        let names: Vec<_> = (0..roles).map(|role| format!("role number {role} with a name")).collect();
        let names: Vec<_> = names.iter().map(String::as_str).collect();
        let steps: Vec<_> = (0..roles).map(|role| (role, long)).collect();
        let diagram = diagram(&names, &steps);
        let width = (WIDTH - GAP * (roles - 1)) / roles;
        for line in text(&diagram).lines() {
            assert!(display_width(line) <= WIDTH, "{line}");
        }
        for (column, row) in diagram.rows.iter().enumerate() {
            assert!(step(row, width).iter().all(|line| display_width(line) <= width), "{column}");
        }
    }
}

#[test]
fn a_role_that_does_nothing_has_no_column() {
    let diagram = diagram(&["spawner", "a", "b"], &[(1, "one"), (2, "two")]);
    assert_eq!(diagram.columns(), [1, 2]);
    assert!(!text(&diagram).contains("spawner"));
}

#[test]
fn an_execution_without_steps_or_names_is_drawn_too() {
    assert!(text(&diagram(&[], &[])).contains("=> lost extent"));
    assert!(text(&diagram(&[], &[(3, "x")])).contains("role 3"));
}

#[test]
fn rows_with_the_lost_object_are_marked() {
    let mut diagram = diagram(&[], &[(0, "allocate [64K, 68K)"), (0, "join")]);
    diagram.failure = Some(Failure { highlight: Some("[64K, 68K)".into()), ..diagram.failure.unwrap() });
    let marked: Vec<_> = diagram.rows.iter().map(|row| diagram.is_marked(row)).collect();
    assert_eq!(marked, [true, false]);
    diagram.failure = None;
    assert!(!diagram.is_marked(&diagram.rows[0]));
}
