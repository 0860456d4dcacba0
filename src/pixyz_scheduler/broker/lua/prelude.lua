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
--   ps:licences:cap     how many tokens there are, as the last worker said that asked for one
--   ps:parked           zset id -> priority, then logical ms, of those that wait for a token; until there is one
--   ps:children:<id>    set of the ids of the jobs that a job has started; as its record
--   ps:open:<id>        how many of all that began with a job have not ended; as its record, while there are any
--   ps:next:<id>        set of the ids of the jobs that wait for a job's end; until it has ended
--   ps:roused           list of the ids that came into line by another's end, their doorbells to be rung; until rung
--   ps:awaiting         zset id -> logical ms when a job that waits for others, and runs no more, has had its time
--   ps:ripe             zset id -> logical ms since when all is known that such a job waits for; until it is settled
--   ps:doomed           set of the ids to be removed once they have ended
--   ps:workers          zset name -> logical ms until when a worker is believed to live
--   ps:worker:<name>    hash, what a worker says of itself, and drain: it shall leave; likewise
--   ps:listeners:<queue>  zset name -> the same moment, of the workers that listen there
--   ps:finished         zset id -> epoch s of the end; until cleanup
--   ps:unmirrored       zset id -> epoch s of the end, or of the next try, that is not on the share; until it is
--   ps:clk              hash t, raw: the logical clock
--   ps:hops             hash, how long the hops of attempts took, by hop and bucket (broker/farm_figures.py); for ever
--   ps:counts           hash, what has ended, was tried again, and how long it took, by queue (broker/farm_figures.py); for ever
--   ps:served           set of the queues on which a worker has listened, MOST_SERVED at most; for ever
--   ps:swept            there while no other process need sweep; less than half a second
--   ps:ev               stream of state changes, capped
--   ps:idem:<digest>    hash of an Idempotency-Key: nonce (a request is at work; seconds), or id, fingerprint, answer; 24 h
--   ps:cache:<key>      id of the job that has done this work last, and well (jobs/same_work.py); as its record
--   ps:ctl:<worker>     channel: ids of jobs to stop
--   ps:tell:<id>        channel: the job has changed
local MAJOR = '1'
-- CLOCK_STEP, in ms, is said before this file: see Pace.
local EVENTS = 10000
-- NAMED_QUEUES, and HOPS with their HOP_BOUNDS, likewise.
local MOST_SERVED = 100
-- More ms than any logical clock shows: what is counted in it comes first.
local A_LONG_TIME = 1e13

local function wall_ms()
  local given = tonumber(ARGV[1])
  if given > 0 then return given end
  local t = redis.call('TIME')
  return t[1] * 1000 + math.floor(t[2] / 1000)
end

-- As text: Lua's own writing of it drops the last digits.
local function wall_us(later_ms)
  local given, later = tonumber(ARGV[1]), (later_ms or 0) * 1000
  if given > 0 then return string.format('%.0f', given * 1000 + later) end
  local t = redis.call('TIME')
  return string.format('%.0f', t[1] * 1000000 + t[2] + later)
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

-- Fields and values that follow ARGV[from - 1], into a record: in one stroke, and none that is empty. A field costs the
-- store some 70 bytes, where a value of the record is a long one.
local function write(k, from)
  local said, gone = {}, {}
  for i = from, #ARGV, 2 do
    if ARGV[i + 1] == '' then
      gone[#gone + 1] = ARGV[i]
    else
      said[#said + 1], said[#said + 2] = ARGV[i], ARGV[i + 1]
    end
  end
  if #said > 0 then redis.call('HSET', k, unpack(said)) end
  if #gone > 0 then redis.call('HDEL', k, unpack(gone)) end
end

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

-- Who follows the job looks at it: nobody, mostly, and then it costs a microsecond.
local function tell(id) redis.call('PUBLISH', 'ps:tell:' .. id, '') end

local function set_state(id, state)
  local k = key(id)
  local got = redis.call('HMGET', k, 'state', 'submitted', 'epoch')
  if got[1] == state then return end
  if got[1] then redis.call('ZREM', 'ps:state:' .. got[1], id) end
  redis.call('ZADD', 'ps:state:' .. state, got[2], id)
  redis.call('HSET', k, 'state', state)
  redis.call('XADD', 'ps:ev', 'MAXLEN', '~', EVENTS, '*', 'id', id, 'state', state, 'epoch', got[3], 'at', wall_s())
  tell(id)
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

local function move_to(id, queue)
  local k = key(id)
  local was = redis.call('HGET', k, 'queue')
  if was == queue then return end
  if was then redis.call('ZREM', 'ps:queue:' .. was, id) end
  redis.call('HSET', k, 'queue', queue)
  redis.call('ZADD', 'ps:queue:' .. queue, redis.call('HGET', k, 'submitted'), id)
end

-- Into a queue's line, its doorbell about to be rung by the caller; after a delay the sweeper rings.
local function line_up(id, queue, now, delay)
  local k = key(id)
  move_to(id, queue)
  let_go(id)
  redis.call('HSET', k, 'lined', wall_us(delay))
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

-- What a job waits for: itself no more at work, it ends with others (jobs/workflow.py).
local function is_awaiting(id)
  local awaits = redis.call('HGET', key(id), 'awaits')
  return awaits and awaits ~= ''
end

-- Whether a worker has it.
local function is_held(id, state) return HELD[state] and not is_awaiting(id) end

-- Counts of a family, kept where they are asked for: how many of all that began with one job have not ended, and, while
-- a job waits for others, how many of its children have.
local function count_family(id, ended, open)
  local got = redis.call('HMGET', key(id), 'parent', 'root')
  if got[1] and got[1] ~= '' and is_awaiting(got[1]) then redis.call('HINCRBY', key(got[1]), 'done', ended) end
  local root = got[2]
  if root and root ~= '' and redis.call('EXISTS', key(root)) == 1 then
    if redis.call('INCRBY', 'ps:open:' .. root, open) <= 0 then redis.call('DEL', 'ps:open:' .. root) end
  end
end

local function count_ended(id)
  local ended = 0
  for _, child in ipairs(redis.call('SMEMBERS', 'ps:children:' .. id)) do
    if TERMINAL[state_of(child)] then ended = ended + 1 end
  end
  return ended
end

local function ripen(id, now) redis.call('ZADD', 'ps:ripe', 'NX', now, id) end

-- It has ended, and so somebody else may begin, or end: into `ends` go those that never will begin.
local function rouse(id, state, now, ends)
  local followers = redis.call('SMEMBERS', 'ps:next:' .. id)
  redis.call('DEL', 'ps:next:' .. id)
  for _, other in ipairs(followers) do
    local wants = state_of(other) and redis.call('HINCRBY', key(other), 'wants', -1)
    if not wants or (state == 'SUCCESS' and wants > 0) then
      -- Deleted by hand; or it waits for more.
    elseif is_awaiting(other) then
      ripen(other, now)
    elseif state == 'SUCCESS' then
      line_up(other, redis.call('HGET', key(other), 'queue'), now, 0)
      redis.call('RPUSH', 'ps:roused', other)
    else
      ends[#ends + 1] = {other, id}
    end
  end
end

-- It is not run, since one before it failed, or was cancelled.
local function give_up(id, before)
  local got = redis.call('HMGET', key(before), 'state', 'error')
  local cause, state, what = 'upstream_failed', 'FAILURE', ' failed: ' .. (got[2] or '')
  if not got[1] then
    what = ' is gone.'
  elseif got[1] == 'REVOKED' then
    cause, state, what = 'cancelled', 'REVOKED', ' was cancelled.'
  end
  redis.call('HSET', key(id), 'cause', cause, 'error', 'Not run, since job ' .. before .. ' before it' .. what)
  return state
end

-- It waits for others no more.
local function stop_waiting(id)
  local got = redis.call('HMGET', key(id), 'wants', 'awaited', 'after')
  if tonumber(got[1] or 0) > 0 then
    for other in string.gmatch(got[2] or got[3] or '', '%S+') do redis.call('SREM', 'ps:next:' .. other, id) end
  end
  redis.call('HDEL', key(id), 'awaits', 'awaited', 'wants', 'children', 'done')
  redis.call('ZREM', 'ps:awaiting', id)
  redis.call('ZREM', 'ps:ripe', id)
end

-- Its outputs answer other jobs no more; `offer`: from now on they do.
local function withdraw(id)
  local work = redis.call('HGET', key(id), 'cache_key')
  if work and redis.call('GET', 'ps:cache:' .. work) == id then redis.call('DEL', 'ps:cache:' .. work) end
end

local function offer(id)
  local work = redis.call('HGET', key(id), 'cache_key')
  if work then redis.call('SET', 'ps:cache:' .. work, id) end
end

-- A queue as it is counted: users may invent names, and only those on which a worker has listened have figures of their own.
local function counted(queue)
  if NAMED_QUEUES[queue] or redis.call('SISMEMBER', 'ps:served', queue) == 1 then return queue end
  return 'other'
end

-- One more that took so many microseconds: in its bucket, and the sum.
local function count_time(counts, name, us)
  local bucket = 'inf'
  for _, bound in ipairs(HOP_BOUNDS) do
    if tonumber(us) <= bound then
      bucket = string.format('%.0f', bound)
      break
    end
  end
  redis.call('HINCRBY', counts, name .. ':' .. bucket, 1)
  redis.call('HINCRBY', counts, name .. ':us', us)
end

-- The end of a job that had not ended. From its submission it is timed only where nobody cancelled it, or ran it again.
local function count_end(id, state, at)
  local got = redis.call('HMGET', key(id), 'queue', 'process', 'cause', 'submitted', 'run')
  local queue = counted(got[1])
  local outcome = state == 'SUCCESS' and 'success' or state == 'REVOKED' and 'cancelled' or got[3] or 'failure'
  redis.call('HINCRBY', 'ps:counts', 'ended:' .. queue .. ':' .. outcome .. ':' .. (got[2] or 'custom'), 1)
  if state == 'REVOKED' or tonumber(got[5] or 0) > 0 then return end
  count_time('ps:counts', 'whole:' .. queue, string.format('%.0f', math.max(0, at - got[4]) * 1e6))
end

local function finish(id, state)
  local now, at = logical_ms(), wall_s()
  local ends, next_one = {{id}}, 1
  while next_one <= #ends do
    local one, before = ends[next_one][1], ends[next_one][2]
    if before and TERMINAL[state_of(one)] then
      -- Two of those before it have failed.
    else
      local ended_as = before and give_up(one, before) or state
      leave_line(one)
      let_go(one)
      stop_waiting(one)
      redis.call('HSET', key(one), 'stopped', at)
      redis.call('ZADD', 'ps:finished', at, one)
      redis.call('ZADD', 'ps:unmirrored', at, one)
      set_state(one, ended_as)
      count_end(one, ended_as, at)
      if ended_as == 'SUCCESS' then offer(one) end
      count_family(one, 1, -1)
      rouse(one, ended_as, now, ends)
    end
    next_one = next_one + 1
  end
end

-- It waits for the ends of these (ids, a blank between). How many have not ended; and one that is no success, or gone.
local function wait_for(id, others)
  local wants, failed = 0, nil
  for other in string.gmatch(others, '%S+') do
    local stands = state_of(other)
    if stands and not TERMINAL[stands] then
      redis.call('SADD', 'ps:next:' .. other, id)
      wants = wants + 1
    elseif stands ~= 'SUCCESS' then
      failed = failed or other
    end
  end
  redis.call('HSET', key(id), 'wants', wants)
  return wants, failed
end

-- A new or renewed job takes its place: in line, or behind those whose results it begins with. Whether it is in line.
local function begin(id, queue, now)
  local after = redis.call('HGET', key(id), 'after')
  if not after or after == '' then
    line_up(id, queue, now, 0)
    set_state(id, 'SENT')
    return true
  end
  local wants, failed = wait_for(id, after)
  if wants == 0 and not failed then
    line_up(id, queue, now, 0)
  else
    move_to(id, queue)
  end
  set_state(id, 'SENT')
  if failed then finish(id, give_up(id, failed)) end
  return wants == 0 and not failed
end

-- As it was sent: a new history, nothing charged.
local function start_over(id, queue, now)
  local k = key(id)
  withdraw(id)
  redis.call('HDEL', k, 'cache_key', 'cache_outputs', 'cached_from')
  redis.call('HDEL', k, 'result', 'error', 'cause', 'traceback', 'attempts', 'progress', 'cancel', 'draining')
  redis.call('HDEL', k, 'crashes', 'drains', 'hindrances', 'committed_by', 'committed_as', 'started', 'stopped', 'hops', 'claimed')
  redis.call('ZREM', 'ps:finished', id)
  redis.call('ZREM', 'ps:unmirrored', id)
  count_family(id, -1, 1)
  return begin(id, queue, now)
end

-- Whether this nonce holds the job now.
local function holds(id, nonce)
  local state = state_of(id)
  return state and HELD[state] and redis.call('HGET', key(id), 'fence') == nonce
end

-- The job and all that it has started, and those have: also what has ended, since others may go on below it. `seen` keeps
-- a circle, which nobody should have made, from turning for ever.
local function family_of(id)
  local family, seen, at = {id}, {[id] = true}, 1
  while at <= #family do
    for _, child in ipairs(redis.call('SMEMBERS', 'ps:children:' .. family[at])) do
      if not seen[child] then
        seen[child] = true
        family[#family + 1] = child
      end
    end
    at = at + 1
  end
  return family
end

-- Those that wait end at once, those that run are marked and their workers told.
local function cancel_tree(id)
  local going = {}
  for _, one in ipairs(family_of(id)) do
    local state = state_of(one)
    if state and not TERMINAL[state] then
      redis.call('HSET', key(one), 'cancel', '1')
      going[#going + 1] = one
    end
  end
  for _, one in ipairs(going) do
    local state = state_of(one)
    if is_held(one, state) then
      redis.call('PUBLISH', 'ps:ctl:' .. redis.call('HGET', key(one), 'owner'), one)
    elseif not TERMINAL[state] then
      redis.call('HSET', key(one), 'cause', 'cancelled', 'error', 'The job was cancelled.')
      finish(one, 'REVOKED')
    end
  end
end

-- The state after a cancel: cancelling while its worker stops it.
local function cancelled(id)
  local state = state_of(id)
  if not TERMINAL[state] then
    cancel_tree(id)
    state = state_of(id)
  end
  return is_held(id, state) and 'cancelling' or state
end

-- {id, queue, priority} of those that came into line by another's end, once.
local function roused(limit)
  local bells = {}
  for _, id in ipairs(redis.call('LPOP', 'ps:roused', limit) or {}) do
    local at = redis.call('HMGET', key(id), 'queue', 'priority')
    if at[1] and redis.call('ZSCORE', line_of(at[1], at[2]), id) then
      bells[#bells + 1] = {id, at[1], at[2] or DEFAULT_PRIORITY}
    end
  end
  return bells
end
