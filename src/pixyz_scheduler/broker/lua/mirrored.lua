-- mirrored(id, stopped): the end at `stopped` is on the share, or cannot be there.
-- kept; again where the job has ended anew since; running where it was put to work again: that end is no end.
local id, stopped = ARGV[2], ARGV[3]
local state = state_of(id)
if state and TERMINAL[state] and redis.call('HGET', key(id), 'stopped') ~= stopped then return 'again' end
redis.call('ZREM', 'ps:unmirrored', id)
if state and not TERMINAL[state] then return 'running' end
return 'kept'
