package e2e

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"sigs.k8s.io/yaml"
)

// truth is what the real servers do with a bad configuration: expect.yaml of a folder testdata/rules/VMnnn-<name>, whose
// number is the rule's, beside the objects.yaml that is applied.
type truth struct {
	Says      string    // the rule, in a sentence
	Rejected  []string  // the last object is refused with these words
	Warned    []string  // the last object is accepted with these words of warning
	Configure *struct { // istioctl x workload entry configure for a group
		Group string
		Fails []string
	}
	Clients []struct {
		Pod
		Hosts   []string // what is described of the outbound side
		Enters  string   // the service account whose token opens the door for agents; "": the door without questions
		Refused []string // the stream ends with these words
		Sees    []string // lines that are there, at least as often as they are listed
		Not     []string // texts that are in no line
	}
}

// testRules applies the bad configuration that each of these rules is about, and sees istiod do what the rule says.
func testRules(t *testing.T, c *Cluster) {
	folders, err := filepath.Glob(filepath.Join("testdata", "rules", "VM*"))
	require.NoError(t, err)
	require.GreaterOrEqual(t, len(folders), 25)
	for _, folder := range folders {
		t.Run(filepath.Base(folder), func(t *testing.T) {
			text, err := os.ReadFile(filepath.Join(folder, "expect.yaml"))
			require.NoError(t, err)
			var want truth
			require.NoError(t, yaml.UnmarshalStrict(text, &want))
			require.NotEmpty(t, want.Says)
			text, err = os.ReadFile(filepath.Join(folder, "objects.yaml"))
			require.NoError(t, err)
			objects := Objects(t, text)
			c.Need(t, objects)
			c.Namespace(t, "rules")

			seen := 0
			switch {
			case len(want.Rejected) > 0:
				c.ExpectRejected(t, string(text), want.Rejected...)
				seen++
			case len(want.Warned) > 0:
				c.expectWarned(t, string(text), want.Warned...)
				seen++
			default:
				c.ApplyWithStatus(t, objects)
			}
			if want.Configure != nil {
				seen++
				c.RootCert(t, "rules")
				out, err := exec.Command(program("istioctl"), "x", "workload", "entry", "configure", "--kubeconfig", c.Kubeconfig,
					"--name", want.Configure.Group, "--namespace", "rules", "--ingressIP", "192.0.2.1", "--output", t.TempDir()).CombinedOutput()
				require.Error(t, err, "%s", out)
				for _, words := range want.Configure.Fails {
					require.Contains(t, string(out), words)
				}
			}
			for _, as := range want.Clients {
				require.NotEmpty(t, append(append([]string{}, as.Refused...), as.Sees...), "a client that is asked nothing")
				seen++
				as.Namespace = or(as.Namespace, "rules")
				var client *Client
				if as.Enters == "" {
					client = NewClient(t, c.istiod, as.Pod)
				} else {
					account, namespace, there := strings.Cut(as.Enters, ".")
					if !there {
						namespace = as.Namespace
					}
					client = c.Enter(t, c.istiod, as.Pod, c.Token(t, namespace, account))
				}
				if len(as.Refused) > 0 {
					eventually(t, "to be refused", func() error {
						if client.Err() == nil {
							return errors.New("it is let in")
						}
						return nil
					})
					for _, words := range as.Refused {
						require.ErrorContains(t, client.Err(), words)
					}
					continue
				}
				client.Until(t, "what the rule says", func(v View) error {
					return judge(v.Inbound()+v.Outbound(as.Hosts...), as.Sees, as.Not)
				})
			}
			require.NotZero(t, seen, "nothing is expected")
		})
	}
}

// judge compares a description with what must and must not be in it.
func judge(text string, sees, not []string) error {
	lines := map[string]int{}
	for line := range strings.Lines(text) {
		lines[strings.TrimSpace(line)]++
	}
	for _, line := range sees {
		if lines[line]--; lines[line] < 0 {
			return fmt.Errorf("there is no line %q in\n%s", line, text)
		}
	}
	for _, words := range not {
		if strings.Contains(text, words) {
			return fmt.Errorf("there is %q in\n%s", words, text)
		}
	}
	return nil
}

// expectWarned applies a text's objects; the last is accepted with these words of warning.
func (c *Cluster) expectWarned(t *testing.T, text string, words ...string) {
	t.Helper()
	objects := Objects(t, []byte(text))
	c.Apply(t, objects[:len(objects)-1])
	last := objects[len(objects)-1:]
	t.Cleanup(func() { c.Delete(t, last) })
	_, said, err := c.TryApply(last[0])
	require.NoError(t, err)
	for _, w := range words {
		require.Contains(t, strings.Join(said, "\n"), w)
	}
}
