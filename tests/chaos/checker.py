"""The invariants: pure functions over the facts of a run; each answers what is broken, in sentences."""

from collections.abc import Callable, Mapping

from tests.chaos import attempts, belongings, endings, links
from tests.chaos.facts import Facts
from tests.chaos.histories import Broken

INVARIANTS: Mapping[str, Callable[[Facts], Broken]] = {
    "every accepted job ends": endings.every_accepted_job_ends,
    "every record ends": endings.every_record_ends,
    "one end each": endings.one_end_each,
    "ends never change": endings.ends_never_change,
    "attempts never overlap": attempts.attempts_never_overlap,
    "the end is its committer's": attempts.the_end_is_its_committers,
    "results are the last attempt's": attempts.results_are_the_last_attempts,
    "charges are just": attempts.charges_are_just,
    "spot machines cost nothing": attempts.spot_machines_cost_nothing,
    "licences keep their cap": attempts.licences_keep_their_cap,
    "jobs end as planned": endings.jobs_end_as_planned,
    "deleted stays deleted": endings.deleted_stays_deleted,
    "ends are on the share": endings.ends_are_on_the_share,
    "the share brings all back": endings.the_share_brings_all_back,
    "cancelled stays cancelled": endings.cancelled_stays_cancelled,
    "workflows link once": links.workflows_link_once,
    "sub-tasks end as planned": links.sub_tasks_end_as_planned,
    "nobody waits for ever": links.nobody_waits_for_ever,
    "a cancel reaches the family": links.a_cancel_reaches_the_family,
    "the family goes with it": links.the_family_goes_with_it,
    "unfinished workflows go on": links.unfinished_workflows_go_on,
    "no half jobs": belongings.no_half_jobs,
    "one archive each": belongings.one_archive_each,
    "one job a key": belongings.one_job_a_key,
    "a key of another body is refused": belongings.a_key_of_another_body_is_refused,
    "nothing begins without the share": belongings.nothing_begins_without_the_share,
    "nothing outside was touched": belongings.nothing_outside_was_touched,
    "no process is left": belongings.no_process_is_left,
}


def check(facts: Facts) -> dict[str, Broken]:
    """What is broken, by invariant; an empty list where all is well."""
    return {name: invariant(facts) for name, invariant in INVARIANTS.items()}
