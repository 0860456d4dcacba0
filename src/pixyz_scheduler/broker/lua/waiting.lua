-- waiting(id): what a job waits for. {state, ms until it may be taken again or -1, parked 0|1, jobs ahead, listeners,
-- jobs whose results it begins with and that have not ended}
local id = ARGV[2]
local now = logical_ms()
local state = state_of(id)
if not state then return {'unknown'} end
local at = redis.call('HMGET', key(id), 'queue', 'priority')
local queue, priority = at[1], tonumber(at[2] or DEFAULT_PRIORITY)
local due = redis.call('ZSCORE', 'ps:delayed', id)
local parked = redis.call('ZSCORE', 'ps:parked', id) and 1 or 0
local ahead = 0
for urgent = 0, priority - 1 do ahead = ahead + redis.call('ZCARD', line_of(queue, urgent)) end
ahead = ahead + (redis.call('ZRANK', line_of(queue, priority), id) or 0)
return {
  state, due and math.max(0, due - now) or -1, parked, ahead,
  redis.call('ZCOUNT', 'ps:listeners:' .. queue, '(' .. now, '+inf'),
  tonumber(redis.call('HGET', key(id), 'wants') or 0),
}
