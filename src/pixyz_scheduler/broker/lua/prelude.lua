-- What every script begins with. ARGV[1] is the wall clock in ms for tests; 0 means Redis TIME.
--
-- Keys, all under ps: (content; lifetime)
--   ps:job:<id>         hash, the record; until cleanup
--   ps:jobs             zset id -> submitted (epoch s), for listing; as the record
--   ps:state:<STATE>    zset, the same by stored state; likewise
--   ps:queue:<queue>    zset, the same by queue; likewise
--   ps:name:<name>      zset, the same by the user's name; likewise
--   ps:waiting:<queue>:<priority>  zset id -> logical ms when its doorbell was rung last; until claimed
--   ps:queues           set of queue names that have, or had, somebody waiting
--   ps:delayed          zset id -> logical ms when it may be taken again
--   ps:leases           zset id -> logical ms when the lease runs out
--   ps:licences         set of the ids that hold a licence token; as their leases
--   ps:licences:cap     how many tokens there are, as the last worker said that met none
--   ps:parked           zset id -> priority, then logical ms, of those that wait for a token; until there is one
--   ps:children:<id>    set of the ids of the jobs that a job has started; as its record
--   ps:doomed           set of the ids to be removed once they have ended
--   ps:workers          zset name -> logical ms until when a worker is believed to live
--   ps:worker:<name>    hash, what a worker says of itself; likewise
--   ps:listeners:<queue>  zset name -> the same moment, of the workers that listen there
--   ps:finished         zset id -> epoch s of the end; until cleanup
--   ps:unmirrored       zset id -> epoch s of the end, or of the next try, that is not on the share; until it is
--   ps:clk              hash t, raw: the logical clock
--   ps:ev               stream of state changes, capped
--   ps:idem:<digest>    hash of an Idempotency-Key: nonce (a request is at work; seconds), or id, fingerprint, answer; 24 h
--   ps:ctl:<worker>     channel: ids of jobs to stop
local MAJOR = '1'
-- CLOCK_STEP, in ms, is said before this file: see Pace.
local EVENTS = 10000
-- More ms than any logical clock shows: what is counted in it comes first.
local A_LONG_TIME = 1e13

local function wall_ms()
  local given = tonumber(ARGV[1])
  if given > 0 then return given end
  local t = redis.call('TIME')
  return t[1] * 1000 + math.floor(t[2] / 1000)
end

local function wall_s() return string.format('%.3f', wall_ms() / 1000) end

-- Time that passes only while somebody looks, and never jumps: an outage or a clock step expires nobody.
local function logical_ms()
  local raw = wall_ms()
  local c = redis.call('HMGET', 'ps:clk', 't', 'raw')
  local step = raw - tonumber(c[2] or raw)
  if step < 0 then step = 0 elseif step > CLOCK_STEP then step = CLOCK_STEP end
  local t = tonumber(c[1] or '0') + step
  redis.call('HSET', 'ps:clk', 't', t, 'raw', raw)
  return t
end

local function key(id) return 'ps:job:' .. id end

local TERMINAL = {SUCCESS = true, FAILURE = true, REVOKED = true, REJECTED = true}
local HELD = {RECEIVED = true, STARTED = true, RUNNING = true}

-- Of a record's version, major.minor, the first part alone says whether its fields mean what they mean here.
local function is_readable(version)
  local found = version and (string.match(version, '^(%d+)$') or string.match(version, '^(%d+)%.%d+$'))
  return found == MAJOR
end

-- The state of a record; nil where there is none.
local function state_of(id)
  local got = redis.call('HMGET', key(id), 'state', 'v')
  if got[1] and not is_readable(got[2]) then error(redis.error_reply('VERSION ' .. id .. ' ' .. tostring(got[2]))) end
  return got[1] or nil
end

local function set_state(id, state)
  local k = key(id)
  local got = redis.call('HMGET', k, 'state', 'submitted', 'epoch')
  if got[1] == state then return end
  if got[1] then redis.call('ZREM', 'ps:state:' .. got[1], id) end
  redis.call('ZADD', 'ps:state:' .. state, got[2], id)
  redis.call('HSET', k, 'state', state)
  redis.call('XADD', 'ps:ev', 'MAXLEN', '~', EVENTS, '*', 'id', id, 'state', state, 'epoch', got[3], 'at', wall_s())
end

local DEFAULT_PRIORITY = '5'
local function line_of(queue, priority) return 'ps:waiting:' .. queue .. ':' .. (priority or DEFAULT_PRIORITY) end

-- Its doorbell is rung with this.
local function wait_in_line(id, queue, priority, now)
  redis.call('ZADD', line_of(queue, priority), now, id)
  redis.call('SADD', 'ps:queues', queue)
end

-- The lease of an attempt is at its end, and with it the licence token.
local function let_go(id)
  redis.call('ZREM', 'ps:leases', id)
  redis.call('SREM', 'ps:licences', id)
end

-- Into a queue's line, its doorbell about to be rung by the caller; after a delay the sweeper rings.
local function line_up(id, queue, now, delay)
  local k = key(id)
  local was = redis.call('HGET', k, 'queue')
  if was ~= queue then
    if was then redis.call('ZREM', 'ps:queue:' .. was, id) end
    redis.call('HSET', k, 'queue', queue)
    redis.call('ZADD', 'ps:queue:' .. queue, redis.call('HGET', k, 'submitted'), id)
  end
  let_go(id)
  if delay > 0 then
    redis.call('ZADD', 'ps:delayed', now + delay, id)
  else
    wait_in_line(id, queue, redis.call('HGET', k, 'priority'), now)
  end
end

local function leave_line(id)
  local at = redis.call('HMGET', key(id), 'queue', 'priority')
  redis.call('ZREM', line_of(at[1], at[2]), id)
  redis.call('ZREM', 'ps:delayed', id)
  redis.call('ZREM', 'ps:parked', id)
end

local function finish(id, state)
  local now = wall_s()
  leave_line(id)
  let_go(id)
  redis.call('HSET', key(id), 'stopped', now)
  redis.call('ZADD', 'ps:finished', now, id)
  redis.call('ZADD', 'ps:unmirrored', now, id)
  set_state(id, state)
end

-- Whether this nonce holds the job now.
local function holds(id, nonce)
  local state = state_of(id)
  return state and HELD[state] and redis.call('HGET', key(id), 'fence') == nonce
end

-- A cancel reaches what the job has started, and what that has: those that wait end at once, those that run are marked
-- and their workers told. `seen` keeps a circle, which nobody should have made, from turning for ever.
local function cancel_tree(id, seen)
  if seen[id] then return end
  seen[id] = true
  local k, state = key(id), state_of(id)
  if not state then return end
  for _, child in ipairs(redis.call('SMEMBERS', 'ps:children:' .. id)) do cancel_tree(child, seen) end
  if TERMINAL[state] then return end
  redis.call('HSET', k, 'cancel', '1')
  if HELD[state] then
    redis.call('PUBLISH', 'ps:ctl:' .. redis.call('HGET', k, 'owner'), id)
  else
    redis.call('HSET', k, 'cause', 'cancelled', 'error', 'The job was cancelled.')
    finish(id, 'REVOKED')
  end
end

-- The state after a cancel: cancelling while its worker stops it.
local function cancelled(id)
  local state = state_of(id)
  if not TERMINAL[state] then
    cancel_tree(id, {})
    state = state_of(id)
  end
  return HELD[state] and 'cancelling' or state
end
