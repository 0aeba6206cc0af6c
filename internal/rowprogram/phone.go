package rowprogram

import (
	"bytes"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/nyaruka/phonenumbers"
)

// phones reads phone numbers as libphonenumber does, for one default region.
//
// The library takes some nine microseconds a number, so the plain forms are judged here first: digits and the marks people
// put between them, with a country's code after a plus sign or without. Where this judgement is not sure the library is asked; the two never
// disagree, and a property test over every region holds them to it.
type phones struct {
	region  string
	code    string         // calling code of the region, e.g. "1"
	nanpa   bool           // it is 1
	abroad  string         // what is dialled in the region before a foreign number, e.g. "011" …
	abroads *regexp.Regexp // … or its pattern, where there are several

	digits []byte  // of the number at hand
	styles []style // of North American numbers by their first six digits; made when first needed
}

// style is how normalize_phone writes a North American number of ten digits. It hangs on the first six of them alone,
// since every pattern the library has for the region US ends in four free digits; a test holds it to that.
type style uint8

const (
	styleUnknown style = iota
	styleNational
	styleInternational
)

// Numbers of so many digits after the country's code are neither too short nor too long for the library, whatever prefix
// it takes away or puts before them.
const (
	minSureDigits = 7
	maxSureDigits = 12
	maxPlain      = 64 // bytes; the library refuses more than 250
)

func newPhones(region string) (*phones, error) {
	code := phonenumbers.GetCountryCodeForRegion(region)
	if code == 0 {
		return nil, fmt.Errorf("rowprogram: phone region %q is not one libphonenumber knows, such as US or DE", region)
	}
	all, err := phonenumbers.MetadataCollection()
	if err != nil {
		return nil, fmt.Errorf("rowprogram: read the phone metadata: %w", err)
	}
	p := &phones{region: region, code: strconv.Itoa(code), nanpa: code == 1}
	for _, metadata := range all.GetMetadata() {
		if metadata.GetId() == region {
			p.abroad = metadata.GetInternationalPrefix()
		}
	}
	if strings.Trim(p.abroad, "0123456789") == "" {
		return p, nil
	}
	if p.abroads, err = regexp.Compile("^(?:" + p.abroad + ")"); err != nil {
		return nil, fmt.Errorf("rowprogram: read the phone metadata of %s: %w", region, err)
	}
	return p, nil
}

// plain gathers the digits of text in p.digits. It reports false if text holds anything but digits, spaces, ( ) - . / and
// one leading plus.
func (p *phones) plain(text []byte) (plus, ok bool) {
	p.digits = p.digits[:0]
	for _, c := range text {
		switch c {
		case '0', '1', '2', '3', '4', '5', '6', '7', '8', '9':
			p.digits = append(p.digits, c)
		case ' ', '(', ')', '-', '.', '/':
		case '+':
			if plus || len(p.digits) > 0 {
				return false, false
			}
			plus = true
		default:
			return false, false
		}
	}
	return plus, len(text) <= maxPlain
}

// parses reports whether libphonenumber reads text as a number.
func (p *phones) parses(text []byte) bool {
	if plus, ok := p.plain(text); ok && p.surelyParses(plus) {
		return true
	}
	_, err := phonenumbers.Parse(string(text), p.region)
	return err == nil
}

// surelyParses judges the digits gathered by plain.
func (p *phones) surelyParses(plus bool) bool {
	if plus {
		code := callingCode(p.digits)
		return code > 0 && sureLength(len(p.digits)-code)
	}
	if !sureLength(len(p.digits)) || p.callsAbroad() {
		return false
	}
	return p.nanpa || string(p.digits[:len(p.code)]) != p.code
}

func (p *phones) callsAbroad() bool {
	if p.abroads != nil {
		return p.abroads.Match(p.digits)
	}
	return bytes.HasPrefix(p.digits, []byte(p.abroad))
}

func sureLength(n int) bool { return n >= minSureDigits && n <= maxSureDigits }

// callingCode gives the length of the country's code that digits begin with, 0 if there is none.
func callingCode(digits []byte) int {
	code := 0
	for i := 0; i < 3 && i < len(digits); i++ {
		code = code*10 + int(digits[i]-'0')
		if callingCodes[code] {
			return i + 1
		}
	}
	return 0
}

var callingCodes = func() (codes [1000]bool) {
	for code := range phonenumbers.GetSupportedCallingCodes() {
		codes[code] = true
	}
	return codes
}()

// normalize appends the number to dst: US numbers as (555) 123-4567, others in the international format. The national form
// is for default regions with the calling code 1; elsewhere it would read as a number of that region. It reports false,
// and appends nothing, if the library does not read text.
func (p *phones) normalize(dst, text []byte) ([]byte, bool) {
	if ten, ok := p.northAmerican(text); ok {
		return p.appendTen(dst, ten), true
	}
	number, err := phonenumbers.Parse(string(text), p.region)
	if err != nil {
		return dst, false
	}
	return append(dst, phonenumbers.Format(number, p.format(number))...), true
}

// format takes a number that fits no region of the calling code 1, such as (555) 123-4567, for one of the US.
func (p *phones) format(number *phonenumbers.PhoneNumber) phonenumbers.PhoneNumberFormat {
	if p.nanpa && number.GetCountryCode() == 1 {
		if region := phonenumbers.GetRegionCodeForNumber(number); region == "US" || region == "" {
			return phonenumbers.NATIONAL
		}
	}
	return phonenumbers.INTERNATIONAL
}

// northAmerican gives the ten digits of a plainly written number with the calling code 1.
func (p *phones) northAmerican(text []byte) ([]byte, bool) {
	plus, ok := p.plain(text)
	digits := p.digits
	if long := len(digits) == 11 && digits[0] == '1'; long {
		digits = digits[1:]
		ok = ok && (plus || p.nanpa)
	} else {
		ok = ok && !plus && p.nanpa
	}
	return digits, ok && len(digits) == 10 && digits[0] >= '2'
}

func (p *phones) appendTen(dst, ten []byte) []byte {
	if p.styleOf(ten) == styleNational {
		dst = append(append(append(dst, '('), ten[:3]...), ") "...)
	} else {
		dst = append(append(append(dst, "+1 "...), ten[:3]...), '-')
	}
	dst = append(append(dst, ten[3:6]...), '-')
	return append(dst, ten[6:]...)
}

func (p *phones) styleOf(ten []byte) style {
	if !p.nanpa {
		return styleInternational
	}
	if p.styles == nil {
		p.styles = make([]style, 1_000_000)
	}
	six := 0
	for _, c := range ten[:6] {
		six = six*10 + int(c-'0')
	}
	if p.styles[six] == styleUnknown {
		p.styles[six] = styleInternational
		number, err := phonenumbers.Parse("+1"+string(ten), p.region)
		if err == nil && p.format(number) == phonenumbers.NATIONAL {
			p.styles[six] = styleNational
		}
	}
	return p.styles[six]
}
