package exporter

import (
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"filippo.io/age"

	"wharf/internal/fault"
)

const (
	encryptedExt  = ".age"                // behind the name of an encrypted object
	encryptedType = "application/vnd.age" // https://www.iana.org/assignments/media-types/application/vnd.age

	maxRecipients  = 20
	leastPassword  = 12   // characters: what is stored can be guessed at without end
	mostPassword   = 1024 // bytes
	scryptWork     = 17   // 2^17: OWASP's least for scrypt; 128 MiB and some tenths of a second, once an export
	secretKeyStart = "AGE-SECRET-KEY-"
)

// checkEncryption finds what is wrong with how an object is to be encrypted: for recipients or by a passphrase, not both.
// No message repeats a passphrase or a secret key.
func checkEncryption(recipients []string, passphrase string) []fault.Field {
	switch {
	case len(recipients) == 0 && passphrase == "":
		return []fault.Field{{Field: "encrypt", Message: "needs recipients or a passphrase"}}
	case len(recipients) > 0 && passphrase != "":
		return []fault.Field{{Field: "encrypt", Message: "takes recipients or a passphrase, not both: whoever knows either could open the file"}}
	case passphrase != "":
		return checkPassphrase(passphrase)
	case len(recipients) > maxRecipients:
		return []fault.Field{{Field: "encrypt.recipients", Message: "are at most " + strconv.Itoa(maxRecipients)}}
	}
	return checkRecipients(recipients)
}

func checkPassphrase(passphrase string) []fault.Field {
	wrong := func(message string) []fault.Field {
		return []fault.Field{{Field: "encrypt.passphrase", Message: message}}
	}
	switch {
	case !utf8.ValidString(passphrase) || strings.ContainsAny(passphrase, "\x00\r\n"):
		return wrong("must be one line of text")
	case utf8.RuneCountInString(passphrase) < leastPassword:
		return wrong("must have at least " + strconv.Itoa(leastPassword) + " characters")
	case len(passphrase) > mostPassword:
		return wrong("must have at most " + strconv.Itoa(mostPassword) + " bytes")
	}
	return nil
}

func checkRecipients(recipients []string) []fault.Field {
	var wrong []fault.Field
	quantum := -1
	for i, text := range recipients {
		at := "encrypt.recipients[" + strconv.Itoa(i) + "]"
		if _, err := recipientOf(text); err != nil {
			wrong = append(wrong, fault.Field{Field: at, Message: err.Error()})
			continue
		}
		if i > 0 && len(wrong) == 0 && isHybrid(text) != isHybrid(recipients[0]) {
			quantum = i
		}
	}
	if len(wrong) == 0 && quantum > 0 {
		wrong = append(wrong, fault.Field{
			Field:   "encrypt.recipients[" + strconv.Itoa(quantum) + "]",
			Message: "post-quantum keys (age1pq1…) and others do not go together: the weaker one opens the file",
		})
	}
	return wrong
}

// keyKinds says what is taken, for messages.
const keyKinds = "an age public key is needed (age1…, as age-keygen prints it)"

// recipientOf reads a public key of age's own kinds: X25519, or the hybrid with ML-KEM-768. The key is tried out: a point
// may be well written and no key. Its errors are for who sent it.
func recipientOf(text string) (age.Recipient, error) {
	text = strings.TrimSpace(text)
	var r age.Recipient
	var err error
	switch {
	case strings.HasPrefix(strings.ToUpper(text), secretKeyStart):
		return nil, fmt.Errorf("this is a secret key, which nobody else may know; %s", keyKinds)
	case strings.HasPrefix(text, "ssh-"):
		return nil, fmt.Errorf("SSH keys are not taken; %s", keyKinds)
	case isHybrid(text):
		r, err = age.ParseHybridRecipient(text)
	case strings.HasPrefix(text, "age1") && strings.LastIndexByte(text, '1') > len("age"):
		return nil, fmt.Errorf("keys of plugins are not taken; %s", keyKinds)
	default:
		r, err = age.ParseX25519Recipient(text)
	}
	if err == nil {
		_, err = age.Encrypt(io.Discard, r)
	}
	if err != nil { // what age says repeats the text
		return nil, fmt.Errorf("this is no such key; %s", keyKinds)
	}
	return r, nil
}

func isHybrid(text string) bool { return strings.HasPrefix(strings.TrimSpace(text), "age1pq1") }

// encrypted gives a writer whose bytes arrive at dst as one age file, which whoever holds the key of a recipient, or knows
// the passphrase, opens with any implementation of https://age-encryption.org/v1. The file is whole once it is closed, so
// do not close it when giving up; dst stays the caller's. Memory is one chunk of 64 KiB, and with a passphrase 128 MiB
// while the call lasts.
func encrypted(dst io.Writer, recipients []string, passphrase string) (io.WriteCloser, error) {
	if wrong := checkEncryption(recipients, passphrase); len(wrong) > 0 {
		return nil, fault.New(fault.Invalid, "the export cannot be encrypted as it is asked for").WithFields(wrong...)
	}
	to, err := recipientsOf(recipients, passphrase)
	if err != nil {
		return nil, err
	}
	w, err := age.Encrypt(dst, to...)
	if err != nil {
		return nil, fmt.Errorf("exporter: begin encryption: %w", err)
	}
	return w, nil
}

func recipientsOf(recipients []string, passphrase string) ([]age.Recipient, error) {
	if passphrase != "" {
		r, err := age.NewScryptRecipient(passphrase)
		if err != nil {
			return nil, fmt.Errorf("exporter: passphrase: %w", err)
		}
		r.SetWorkFactor(scryptWork)
		return []age.Recipient{r}, nil
	}
	to := make([]age.Recipient, 0, len(recipients))
	for _, text := range slices.Compact(slices.Sorted(slices.Values(recipients))) {
		r, err := recipientOf(text)
		if err != nil {
			return nil, fmt.Errorf("exporter: recipient: %w", err)
		}
		to = append(to, r)
	}
	return to, nil
}
