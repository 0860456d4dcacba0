-- claim(id, queue, worker, nonce, ttl ms, tokens): take the lease, and one of so many licence tokens (0: none is needed). {verdict, field, value, ...}; a verdict is
--   run      it is yours; the record follows (again for the nonce that holds it already)
--   done     it has ended; the record follows
--   taken    somebody else holds it, or it is not its time yet, or it moved to another queue, or waits for others
--   no_licence  all tokens are taken: it is put aside, and rung for when one is free
--   unknown  no such record
local id, queue, worker, nonce = ARGV[2], ARGV[3], ARGV[4], ARGV[5]
local ttl, tokens = tonumber(ARGV[6]), tonumber(ARGV[7])
local k, now = key(id), logical_ms()
local function with_record(verdict)
  local answer = redis.call('HGETALL', k)
  table.insert(answer, 1, verdict)
  return answer
end
local state = state_of(id)
if not state then return {'unknown'} end
if TERMINAL[state] then return with_record('done') end
local got = redis.call('HMGET', k, 'fence', 'cancel', 'queue', 'wants', 'lined')
if HELD[state] then
  if got[1] == nonce then
    -- Asked again because the answer was lost: the work begins now.
    redis.call('ZADD', 'ps:leases', 'XX', now + ttl, id)
    return with_record('run')
  end
  return {'taken'}
end
if got[2] == '1' then
  finish(id, 'REVOKED')
  return with_record('done')
end
if got[3] ~= queue or tonumber(got[4] or 0) > 0 or redis.call('ZSCORE', 'ps:delayed', id) or redis.call('ZSCORE', 'ps:parked', id) then
  return {'taken'}
end
if tokens > 0 then redis.call('SET', 'ps:licences:cap', tokens) end
if tokens > 0 and redis.call('SCARD', 'ps:licences') >= tokens then
  local priority = tonumber(redis.call('HGET', k, 'priority') or DEFAULT_PRIORITY)
  leave_line(id)
  redis.call('ZADD', 'ps:parked', priority * A_LONG_TIME + now, id)
  return {'no_licence'}
end
leave_line(id)
if tokens > 0 then redis.call('SADD', 'ps:licences', id) end
redis.call('HINCRBY', k, 'epoch', 1)
redis.call('HDEL', k, 'progress', 'draining', 'lined')
-- Microseconds: when, and how long it stood in line. The commit makes its first hop of it.
local at = wall_us()
local waited = string.format('%s %.0f', at, math.max(0, at - (got[5] or at)))
redis.call('HSET', k, 'owner', worker, 'fence', nonce, 'started', wall_s(), 'claimed', waited)
redis.call('ZADD', 'ps:leases', now + ttl, id)
set_state(id, 'STARTED')
return with_record('run')
