package app

import (
	"testing"
	"time"
)

func TestFindServiceManager(t *testing.T) {
	for name, tt := range map[string]struct {
		env  map[string]string
		want serviceManager
	}{
		"none":                {nil, serviceManager{}},
		"readiness":           {map[string]string{"NOTIFY_SOCKET": "/run/x"}, serviceManager{"/run/x", 0}},
		"a watchdog":          {map[string]string{"NOTIFY_SOCKET": "@x", "WATCHDOG_USEC": "3000000", "WATCHDOG_PID": "7"}, serviceManager{"@x", 3 * time.Second}},
		"of no process":       {map[string]string{"NOTIFY_SOCKET": "@x", "WATCHDOG_USEC": "3000000"}, serviceManager{"@x", 3 * time.Second}},
		"of another process":  {map[string]string{"NOTIFY_SOCKET": "@x", "WATCHDOG_USEC": "3000000", "WATCHDOG_PID": "8"}, serviceManager{"@x", 0}},
		"no number":           {map[string]string{"NOTIFY_SOCKET": "@x", "WATCHDOG_USEC": "3s"}, serviceManager{"@x", 0}},
		"a negative number":   {map[string]string{"NOTIFY_SOCKET": "@x", "WATCHDOG_USEC": "-3"}, serviceManager{"@x", 0}},
		"a very large number": {map[string]string{"NOTIFY_SOCKET": "@x", "WATCHDOG_USEC": "9223372036854775807"}, serviceManager{"@x", 24 * time.Hour}},
	} {
		if got := findServiceManager(func(name string) string { return tt.env[name] }, 7); got != tt.want {
			t.Errorf("%s: %+v", name, got)
		}
	}
}
