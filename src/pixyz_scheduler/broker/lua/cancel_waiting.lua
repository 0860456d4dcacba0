-- cancel_waiting(id): cancel a job that nobody has begun; one that runs, or has ended, is left alone. Its state now, or unknown
local id = ARGV[2]
logical_ms()
local state = state_of(id)
if not state then return 'unknown' end
if HELD[state] or TERMINAL[state] then return state end
return cancelled(id)
