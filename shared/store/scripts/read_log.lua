-- read_log.lua: a page of a sweep's log as one text, so that thousands of entries are read at once.
--
-- KEYS  1 events (stream)
-- ARGV  1 read after this position    2 most entries to read    3 run number; '' for all entries
--       4 'whole': entries as [position, at, body] | 'outline': as [position, "kind", run], of runs only
-- Returns {last position that was read; '' for none, JSON of the entries, separated by commas}. Writes nothing.

local rows = redis.call('XRANGE', KEYS[1], '(' .. ARGV[1] .. '-0', '+', 'COUNT', ARGV[2])
local last, found = '', {}
for _, row in ipairs(rows) do
  last = string.match(row[1], '^%d+')
  local fields = {}
  for at = 1, #row[2], 2 do fields[row[2][at]] = row[2][at + 1] end
  if ARGV[4] == 'whole' then
    found[#found + 1] = '[' .. last .. ',' .. fields.at .. ',' .. fields.e .. ']'
  else
    local kind, run = string.match(fields.e, '^{"kind": ?"([%a ]+)", ?"run": ?(%d+)[,}]')
    if run and (ARGV[3] == '' or run == ARGV[3]) then
      found[#found + 1] = '[' .. last .. ',"' .. kind .. '",' .. run .. ']'
    end
  end
end
return {last, table.concat(found, ',')}
