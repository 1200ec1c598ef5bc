"""What people see: each view turns the data of an operation into text. No view reads a store or starts a process."""
