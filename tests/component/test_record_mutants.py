"""The machine of test_record_machine finds each of these faults: planted in the scripts, one at a time."""

from collections import Counter

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from pixyz_scheduler.broker.connection import connect
from pixyz_scheduler.broker.scripts import sources
from pixyz_scheduler.jobs.pace import PACE
from tests.component.test_record_machine import RecordMachine

# What is planted where: the script's name ("*" for what all begin with), its sound text, and the fault.
MUTANTS = {
    "anybody holds a job": (
        "*",
        "return state and HELD[state] and redis.call('HGET', key(id), 'fence') == nonce",
        "return state and HELD[state]",
    ),
    "a failure answers others": ("*", "if ended_as == 'SUCCESS' then offer(one) end", "offer(one)"),
    "a job that is gone answers others": ("forget", "withdraw(id)\nlocal got", "local got"),
    "a job that runs again answers others": (
        "*",
        "withdraw(id)\n  redis.call('HDEL', k, 'cache_key'",
        "redis.call('HDEL', k, 'cache_key'",
    ),
    "what is to be removed answers others": ("same_work", "redis.call('SISMEMBER', 'ps:doomed', id) == 1", "false"),
    "unfinished outputs answer others": ("same_work", "redis.call('EXISTS', 'ps:open:' .. root) == 1", "false"),
    "lost doorbells are not rung": ("sweep", "return {expired, bells,", "return {expired, {},"),
    "time is the wall clock's": ("*", "elseif step > CLOCK_STEP then step = CLOCK_STEP end", "end"),
    "a step back of the clock counts": ("*", "if step < 0 then step = 0 elseif", "if"),
    "a commit counts each time it is sent": ("commit", "if got[1] == mark then return got[2] end", ""),
    "an end is counted with each commit": (
        "commit",
        "write(k, 8)",
        "if TERMINAL[state] then count_end(id, state, wall_s()) end\nwrite(k, 8)",
    ),
    "a crash is not counted": (
        "commit",
        "write(k, 8)",
        "for i = 8, #ARGV, 2 do if ARGV[i] ~= 'crashes' then redis.call('HSET', k, ARGV[i], ARGV[i + 1]) end end",
    ),
    "a doorbell without a record is work": (
        "claim",
        "if not state then return {'unknown'} end",
        "state = state or 'SENT'",
    ),
    "a held job is given away": ("claim", "return {'taken'}\nend\nif got[2]", "end\nif got[2]"),
    "a job runs before its time": ("claim", "or redis.call('ZSCORE', 'ps:delayed', id) or", "or"),
    "a sweeper ends what lives": ("commit", "if expires and tonumber(expires) > now then return 'lost' end", ""),
    "a lease that ran out is not noticed": ("sweep", "expired[#expired + 1] = job[1]", "break"),
    "a renewal buys nothing": ("renew", "redis.call('ZADD', 'ps:leases', 'XX', now + ttl, id)", ""),
    "a result that comes after a cancel counts": ("commit", "if got[3] == '1' then", "if false then"),
    "a cancel stops at the job itself": (
        "*",
        "for _, one in ipairs(family_of(id)) do\n    local state",
        "for _, one in ipairs({id}) do\n    local state",
    ),
    "a child of a cancelled job lives": ("start", "redis.call('HGET', key(parent), 'cancel') == '1'", "false"),
    "a token is never given back": ("*", "redis.call('SREM', 'ps:licences', id)\nend", "end"),
    "one token too many": (
        "claim",
        "redis.call('SCARD', 'ps:licences') >= tokens",
        "redis.call('SCARD', 'ps:licences') > tokens",
    ),
    "a leaving worker is forgotten": ("renew", "if draining == '1' then", "if false then"),
    "who left once leaves for ever": ("claim", "'progress', 'draining', 'lined')", "'progress', 'lined')"),
    "a second run carries what the first had cost": (
        "*",
        "'crashes', 'drains', 'hindrances', 'committed_by'",
        "'committed_by'",
    ),
    "a second run is ended by the first one's commit": (
        "*",
        "'hindrances', 'committed_by', 'committed_as', 'started'",
        "'hindrances', 'started'",
    ),
    "what has ended is run again unasked": ("claim", "if TERMINAL[state] then return with_record('done') end", ""),
    "a deleted job is forgotten about": ("delete", "redis.call('SADD', 'ps:doomed', one)", ""),
    "a job begins before those that it needs": ("claim", "or tonumber(got[4] or 0) > 0 or", "or"),
    "the next one is not called": ("*", "redis.call('RPUSH', 'ps:roused', other)", ""),
    "the next one runs in spite of a failure": (
        "*",
        "elseif state == 'SUCCESS' then\n      line_up",
        "elseif true then\n      line_up",
    ),
    "one of two is enough": ("*", "(state == 'SUCCESS' and wants > 0)", "false"),
    "who has waited too long waits on": ("sweep", "ripen(job[1], now)", ""),
    "an end is not told to who waits for it": ("*", "ripen(other, now)", ""),
    "who waited once is called again": ("*", "redis.call('SREM', 'ps:next:' .. other, id)", ""),
    "who waits still holds its lease": ("commit", "state = 'RUNNING'\n  let_go(id)", "state = 'RUNNING'"),
    "a cancel does not reach who waits": ("*", "return HELD[state] and not is_awaiting(id)", "return HELD[state]"),
    "what ended in a family is counted as open": ("*", "count_family(one, 1, -1)", "count_family(one, 1, 0)"),
    "a settled job is settled again": ("settle", "redis.call('HGET', key(id), 'awaits') ~= awaits", "false"),
}


class Mutated(RecordMachine):
    """The machine on scripts of its own."""

    def __init__(self, client, scripts):
        super().__init__(client, Counter())
        self.store._scripts._scripts.update(scripts)


def planted(client, fault):
    """The scripts with the fault in them; each of them is sound Lua, and the fault is in at least one."""
    where, sound, wrong = MUTANTS[fault]
    changed = {name: text for name, text in sources(PACE).items() if where in ("*", name)}
    assert changed
    for name, text in changed.items():
        assert text.count(sound) == 1, (name, sound)
        changed[name] = text.replace(sound, wrong)
        client.script_load(changed[name])
    return {name: client.register_script(text) for name, text in changed.items()}


@pytest.mark.parametrize("fault", MUTANTS)
def test_the_machine_finds(store_url, fault):
    client = connect(store_url)
    scripts = planted(client, fault)
    with pytest.raises(Exception):  # noqa: B017, PT011  (a wrong answer, or a script that trips over its own data)
        run_state_machine_as_test(
            lambda: Mutated(client, scripts),
            settings=settings(
                max_examples=1500,
                stateful_step_count=50,
                deadline=None,
                database=None,
                phases=[Phase.generate],
                suppress_health_check=list(HealthCheck),
            ),
        )
    client.close()
