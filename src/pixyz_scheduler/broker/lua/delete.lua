-- delete(id): cancel, and remove files and record once it has ended, with all that it has started: whoever removes finds
-- them in ps:doomed. Answers as cancel does.
local id = ARGV[2]
logical_ms()
if not state_of(id) then return 'unknown' end
for _, one in ipairs(family_of(id)) do redis.call('SADD', 'ps:doomed', one) end
cancel_tree(id)
local state = state_of(id)
return is_held(id, state) and 'cancelling' or state
