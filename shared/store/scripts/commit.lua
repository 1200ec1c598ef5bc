-- commit.lua: replace records of one sweep, all or none, with their events, indexes and notifications.
--
-- KEYS  1 sweep record        2 runs (hash)        3 states (zset)     4 events (stream)
--       5 leases (zset)       6 sweeps (zset)      7 live sweeps (set)
--       8 due of the training queue (zset)         9 due of the evaluation queue (zset)
-- ARGV  1 commit id
--       2 sweep's name
--       3 states of the sweep in which the commit is allowed, comma separated; '' for any
--       4 changes, a JSON array of {number, expect, body, event, ordinal, lease, due, live}:
--           number   run number; 0: the sweep's own record
--           expect   version that was read; 0: the record must not exist yet
--           body     record to write (JSON text)
--           event    entry for the log (JSON text); '' for none
--           ordinal  of the run's new state
--           lease    'keep' | 'drop' | milliseconds | 'expired': drop it only if it has expired
--           due      8 | 9: the run waits there; 0: nowhere
--           live     'yes' | 'no': whether the sweep is unfinished
-- Returns {'OK'} | {'STALE', number} | {'HELD', state of the sweep}. A repeated call returns the same.
-- Everything is checked before the first write, because Lua does not roll back.

local changes = cjson.decode(ARGV[4])
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)

local function record(number)
  if number == 0 then return redis.call('GET', KEYS[1]) end
  return redis.call('HGET', KEYS[2], number)
end

local found = {}
for at, change in ipairs(changes) do
  local text = record(change.number)
  found[at] = text and cjson.decode(text) or {}
  for _, id in ipairs(found[at].commits or {}) do
    if id == ARGV[1] then return {'OK'} end
  end
end

for at, change in ipairs(changes) do
  if (found[at].version or 0) ~= change.expect then return {'STALE', tostring(change.number)} end
  assert(type(change.body) == 'string' and type(change.event) == 'string', 'body and event must be text')
  if change.number > 0 then
    assert(type(change.ordinal) == 'number' and type(change.due) == 'number', 'a run needs an ordinal and a due queue')
    local lease, id = change.lease, ARGV[2] .. '.r.' .. string.format('%d', change.number)
    local known = lease == 'keep' or lease == 'drop' or lease == 'expired' or type(lease) == 'number'
    assert(known, 'a run needs a lease that is kept, dropped, expired or milliseconds')
    if lease == 'expired' then
      local ends = redis.call('ZSCORE', KEYS[5], id)
      if ends and tonumber(ends) > now then return {'STALE', tostring(change.number)} end
    end
  end
end

if ARGV[3] ~= '' then
  local text = redis.call('GET', KEYS[1])
  local state = text and (cjson.decode(text).state or 'running') or 'missing'
  if not string.find(',' .. ARGV[3] .. ',', ',' .. state .. ',', 1, true) then return {'HELD', state} end
end

local last = redis.call('XREVRANGE', KEYS[4], '+', '-', 'COUNT', 1)[1]
local position = last and tonumber(string.match(last[1], '^%d+')) or 0

for _, change in ipairs(changes) do
  if change.number == 0 then
    redis.call('SET', KEYS[1], change.body)
    redis.call('ZADD', KEYS[6], 'NX', now, ARGV[2])
    redis.call(change.live == 'yes' and 'SADD' or 'SREM', KEYS[7], ARGV[2])
  else
    local number = string.format('%d', change.number)
    local id = ARGV[2] .. '.r.' .. number
    redis.call('HSET', KEYS[2], number, change.body)
    redis.call('ZADD', KEYS[3], change.ordinal, number)
    if change.lease == 'drop' or change.lease == 'expired' then
      redis.call('ZREM', KEYS[5], id)
    elseif change.lease ~= 'keep' then
      redis.call('ZADD', KEYS[5], now + change.lease, id)
    end
    for queue = 8, 9 do
      if change.due == queue then
        redis.call('ZADD', KEYS[queue], now, id)
      else
        redis.call('ZREM', KEYS[queue], id)
      end
    end
  end
  if change.event ~= '' then
    position = position + 1
    redis.call('XADD', KEYS[4], string.format('%d-0', position), 'at', string.format('%d', now), 'e', change.event)
  end
end
return {'OK'}
