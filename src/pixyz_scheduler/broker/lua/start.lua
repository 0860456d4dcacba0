-- start(<as submit>): a job starts another. Answers as submit, which stands before this file as a function.
-- The id says what is done: where a job was run again by hand, and starts the same as before, those that ended well are
-- left as they are, and the others are run again with it; else each is there once, however often it is started.
-- Or -2 where the job that starts it is gone: its worker was away, and does not know yet.
for i = 7, #ARGV, 2 do
  if ARGV[i] == 'parent' and ARGV[i + 1] ~= '' and not state_of(ARGV[i + 1]) then return -2 end
end
local made = submit()
if made ~= 0 then return made end
local id, queue = ARGV[2], ARGV[3]
local got = redis.call('HMGET', key(id), 'parent', 'run')
local parent, state = got[1], state_of(id)
local run = parent and redis.call('HGET', key(parent), 'run')
if not TERMINAL[state] or state == 'SUCCESS' or tonumber(got[2] or 0) >= tonumber(run or 0) then return 0 end
redis.call('HSET', key(id), 'run', run)
return start_over(id, queue, logical_ms()) and 1 or 2
