-- again(id, queue, stopped): run a job that ended at `stopped` once more, as it was sent: a new history, nothing charged.
-- SENT, or the state that does not allow it, or doomed, or unknown. Attempts are counted on: no two share a log.
-- A request that was on its way for long runs no later end again; an empty `stopped` means whichever end there is.
local id, queue, stopped = ARGV[2], ARGV[3], tonumber(ARGV[4])
local k, now = key(id), logical_ms()
local state = state_of(id)
if not state then return 'unknown' end
if not TERMINAL[state] then return state end
if redis.call('SISMEMBER', 'ps:doomed', id) == 1 then return 'doomed' end
if stopped and tonumber(redis.call('HGET', k, 'stopped')) ~= stopped then return state end
redis.call('HINCRBY', k, 'run', 1)
start_over(id, queue, now)
return 'SENT'
