"""Pictures: functions that take an axes and draw on it."""
