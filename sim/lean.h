// What CXXRTL's generated code is compiled against, in place of its own header: the same names, for
// a two-state simulation with one clock and one evaluation a cycle.
//
// Values of up to 64 bits are machine words, registers are committed without asking whether they
// changed, and memory writes wait in one slot a port.

#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <memory>
#include <type_traits>
#include <utility>

#define INLINE inline __attribute__((always_inline))
#define CXXRTL_ASSERT(x)

namespace cxxrtl {

typedef uint64_t word;

struct interior {};
struct performer {};
struct observer {};
struct module {
    virtual ~module() {}
    virtual void reset() = 0;
    virtual bool eval(performer *performer = nullptr) = 0;
    virtual bool commit() = 0;
};

// Smallest word that holds so many bits.
template <size_t Bits> struct storage {
    typedef std::conditional_t<
        Bits <= 8, uint8_t,
        std::conditional_t<Bits <= 16, uint16_t, std::conditional_t<Bits <= 32, uint32_t, word>>>
        type;
};

template <size_t Bits> struct value;
template <class High, class Low> struct concat_expr;
template <class Of, size_t Stop, size_t Start> struct slice_expr;

template <class T> constexpr size_t bits_of = std::remove_reference_t<T>::bits;

// What values, slices and concatenations have in common; val() gives their value.
template <class Self> struct expr {
    INLINE Self &self() { return *static_cast<Self *>(this); }
    INLINE const Self &self() const { return *static_cast<const Self *>(this); }

    template <size_t Stop, size_t Start = Stop> INLINE auto slice() & {
        return slice_expr<Self &, Stop, Start>{{}, self()};
    }
    template <size_t Stop, size_t Start = Stop> INLINE auto slice() && {
        return slice_expr<Self, Stop, Start>{{}, self()};
    }
    template <size_t Stop, size_t Start = Stop> INLINE auto slice() const & {
        return slice_expr<const Self &, Stop, Start>{{}, self()};
    }
    template <class Low> INLINE concat_expr<Self &, Low> concat(Low &&low) & {
        return {{}, self(), std::forward<Low>(low)};
    }
    template <class Low> INLINE concat_expr<Self, Low> concat(Low &&low) && {
        return {{}, self(), std::forward<Low>(low)};
    }
    template <class Low> INLINE concat_expr<const Self &, Low> concat(Low &&low) const & {
        return {{}, self(), std::forward<Low>(low)};
    }
    template <size_t Count> INLINE auto repeat() const {
        auto once = self().val();
        value<decltype(once)::bits * Count> all;
        for (size_t n = 0; n < Count; n++) all.insert(once, n * decltype(once)::bits);
        return all;
    }
    INLINE explicit operator bool() const { return self().val().any(); }
};

template <size_t Bits> struct value : expr<value<Bits>> {
    static constexpr size_t bits = Bits, words = (Bits + 63) / 64;
    static constexpr word last_mask = ~(word)0 >> (words * 64 - Bits);
    typedef typename storage<Bits>::type cell;
    cell data[words] = {};

    value() = default;
    // 32 bits an argument, the low ones first
    template <class... Init> explicit constexpr INLINE value(Init... init) {
        const word halves[] = {(word)init...};
        for (size_t n = 0; n < sizeof...(Init); n++)
            data[n / 2] = (cell)(data[n / 2] | halves[n] << n % 2 * 32);
    }

    INLINE const value &val() const { return *this; }
    INLINE void assign(const value &other) { *this = other; }
    INLINE word at(size_t n) const { return n < words ? data[n] : 0; }
    INLINE void put(size_t n, word bits) {
        data[n] = (cell)(n == words - 1 ? bits & last_mask : bits);
    }
    static INLINE value of(word bits) {
        value made;
        made.put(0, bits);
        return made;
    }
    INLINE word number() const { return data[0]; }
    INLINE int64_t extended() const {
        constexpr unsigned spare = Bits < 64 ? 64 - Bits : 0;
        return (int64_t)((word)data[0] << spare) >> spare;
    }
    INLINE bool negative() const { return (word)data[words - 1] >> (Bits - 1) % 64 & 1; }
    INLINE bool any() const {
        word all = 0;
        for (size_t n = 0; n < words; n++) all |= data[n];
        return all;
    }
    // The 64 bits from a place on.
    INLINE word from(size_t start) const {
        size_t n = start / 64, shift = start % 64;
        return at(n) >> shift | (shift ? at(n + 1) << (64 - shift) : 0);
    }
    template <size_t Width> INLINE value<Width> extract(size_t start) const {
        value<Width> part;
        for (size_t n = 0; n < part.words; n++) part.put(n, from(start + 64 * n));
        return part;
    }
    // Puts bits where there are zeros.
    template <size_t Width> INLINE void insert(const value<Width> &part, size_t start) {
        for (size_t n = 0; n < part.words; n++) {
            size_t place = start / 64 + n, shift = start % 64;
            data[place] = (cell)(data[place] | part.at(n) << shift);
            if (shift && place + 1 < words)
                data[place + 1] = (cell)(data[place + 1] | part.at(n) >> (64 - shift));
        }
    }
    INLINE void clear(size_t start, size_t count) {
        for (size_t n = 0; n < count;) {
            size_t shift = (start + n) % 64, here = count - n < 64 - shift ? count - n : 64 - shift;
            data[(start + n) / 64] &= (cell)~(~(word)0 >> (64 - here) << shift);
            n += here;
        }
    }
};

template <class Of, size_t Stop, size_t Start>
struct slice_expr : expr<slice_expr<Of, Stop, Start>> {
    static constexpr size_t bits = Stop - Start + 1;
    Of of;
    INLINE value<bits> val() const { return of.val().template extract<bits>(Start); }
    INLINE void assign(const value<bits> &part) { of.clear(Start, bits), of.insert(part, Start); }
    INLINE void operator=(const value<bits> &part) { assign(part); }
};

template <class High, class Low> struct concat_expr : expr<concat_expr<High, Low>> {
    static constexpr size_t low = bits_of<Low>, bits = bits_of<High> + low;
    High high_part;
    Low low_part;
    INLINE value<bits> val() const {
        value<bits> both;
        both.insert(low_part.val(), 0);
        both.insert(high_part.val(), low);
        return both;
    }
    INLINE void assign(const value<bits> &both) {
        low_part.assign(both.template extract<low>(0));
        high_part.assign(both.template extract<bits - low>(low));
    }
    INLINE void operator=(const value<bits> &both) { assign(both); }
};

template <size_t Bits> struct wire {
    value<Bits> curr, next;
    wire() = default;
    template <class... Init> explicit constexpr wire(Init... init) : curr{init...}, next{init...} {}
    template <class Observer> INLINE bool commit(Observer &) {
        curr = next;
        return false;
    }
};

template <size_t Width> struct memory {
    static constexpr size_t ports = 4;
    size_t depth, waiting = 0;
    std::unique_ptr<value<Width>[]> data;
    struct {
        size_t index;
        value<Width> bits, mask;
    } writes[ports];

    explicit memory(size_t depth) : depth(depth), data(new value<Width>[depth]) {}
    INLINE const value<Width> &operator[](size_t index) const { return data[index]; }
    INLINE value<Width> &operator[](size_t index) { return data[index]; }
    INLINE void update(size_t index, const value<Width> &bits, const value<Width> &mask, int = 0) {
        if (mask.any()) writes[waiting++] = {index, bits, mask};
    }
    template <class Observer> INLINE bool commit(Observer &) {
        if (__builtin_expect(waiting != 0, 0)) apply();
        return false;
    }
    void apply() {
        for (size_t port = 0; port < waiting; port++) {
            const auto &[index, bits, mask] = writes[port];
            value<Width> &row = data[index];
            for (size_t n = 0; n < row.words; n++)
                row.put(n, (row.at(n) & ~mask.at(n)) | (bits.at(n) & mask.at(n)));
        }
        waiting = 0;
    }
};

struct memory_index {
    bool valid;
    size_t index;
    template <size_t Bits>
    INLINE memory_index(const value<Bits> &address, size_t offset, size_t depth)
        : valid(address.number() >= offset && address.number() - offset < depth),
          index(address.number() - offset) {}
};

// Operands as 64-bit numbers, by the operation's suffix; no arithmetic is wider than 64 bits.
template <size_t Y, size_t A, size_t B = 1> constexpr void narrow() {
    static_assert(Y <= 64 && A <= 64 && B <= 64, "arithmetic must fit 64 bits");
}

#define OPERATION(name, sign, as)                                                                  \
    template <size_t Y, size_t A, size_t B>                                                        \
    INLINE value<Y> name##_uu(const value<A> &a, const value<B> &b) {                              \
        narrow<Y, A, B>();                                                                         \
        return value<Y>::of(a.number() sign b.number());                                           \
    }                                                                                              \
    template <size_t Y, size_t A, size_t B>                                                        \
    INLINE value<Y> name##_ss(const value<A> &a, const value<B> &b) {                              \
        narrow<Y, A, B>();                                                                         \
        return value<Y>::of((as)a.extended() sign(as) b.extended());                               \
    }
OPERATION(add, +, word)
OPERATION(sub, -, word)
OPERATION(mul, *, word)
OPERATION(lt, <, int64_t)
OPERATION(le, <=, int64_t)
OPERATION(gt, >, int64_t)
OPERATION(ge, >=, int64_t)
OPERATION(eq, ==, int64_t)
OPERATION(ne, !=, int64_t)

#define NEGATED(name, operand)                                                                     \
    template <size_t Y, size_t A> INLINE value<Y> name(const value<A> &a) {                        \
        narrow<Y, A>();                                                                            \
        return value<Y>::of(-(word)a.operand());                                                   \
    }
NEGATED(neg_u, number)
NEGATED(neg_s, extended)

// Bitwise operations may be wide; operands are then extended word by word.
template <size_t Bits> INLINE word wide(const value<Bits> &a, size_t n, bool is_signed) {
    word fill = is_signed && a.negative() ? ~(word)0 : 0;
    if (n >= a.words) return fill;
    return n == a.words - 1 ? a.at(n) | (fill & ~a.last_mask) : a.at(n);
}

#define BITWISE(name, result)                                                                      \
    template <size_t Y, size_t A, size_t B>                                                        \
    INLINE value<Y> name##_uu(const value<A> &a, const value<B> &b) {                              \
        return bitwise<Y>(a, b, false, [](word x, word y) { return result; });                     \
    }                                                                                              \
    template <size_t Y, size_t A, size_t B>                                                        \
    INLINE value<Y> name##_ss(const value<A> &a, const value<B> &b) {                              \
        return bitwise<Y>(a, b, true, [](word x, word y) { return result; });                      \
    }
template <size_t Y, size_t A, size_t B, class Operation>
INLINE value<Y> bitwise(const value<A> &a, const value<B> &b, bool is_signed, Operation of) {
    value<Y> made;
    for (size_t n = 0; n < made.words; n++) made.put(n, of(wide(a, n, is_signed), wide(b, n, is_signed)));
    return made;
}
BITWISE(and, x & y)
BITWISE(or, x | y)
BITWISE(xor, x ^ y)
BITWISE(xnor, ~(x ^ y))

#define EXTENDED(name, is_signed, result)                                                          \
    template <size_t Y, size_t A> INLINE value<Y> name(const value<A> &a) {                        \
        return bitwise<Y>(a, a, is_signed, [](word x, word) { return result; });                   \
    }
EXTENDED(pos_u, false, x)
EXTENDED(pos_s, true, x)
EXTENDED(not_u, false, ~x)
EXTENDED(not_s, true, ~x)

template <size_t A> INLINE word parity(const value<A> &a) {
    word all = 0;
    for (size_t n = 0; n < a.words; n++) all ^= a.at(n);
    return (word)__builtin_parityll(all);
}
#define REDUCED(name, result)                                                                      \
    template <size_t Y, size_t A> INLINE value<Y> name(const value<A> &a) {                        \
        return value<Y>::of(result);                                                               \
    }
REDUCED(reduce_or, a.any())
REDUCED(reduce_bool, a.any())
REDUCED(reduce_and, !not_u<A>(a).any())
REDUCED(reduce_xor, parity(a))
REDUCED(reduce_xnor, !parity(a))
REDUCED(logic_not, !a.any())
#define LOGICAL(name, sign)                                                                        \
    template <size_t Y, size_t A, size_t B>                                                        \
    INLINE value<Y> name(const value<A> &a, const value<B> &b) {                                   \
        return value<Y>::of(a.any() sign b.any());                                                 \
    }
LOGICAL(logic_and, &)
LOGICAL(logic_or, |)

template <size_t Y, size_t A, size_t B>
INLINE value<Y> shl_uu(const value<A> &a, const value<B> &b) {
    value<Y> made, wider = pos_u<Y>(a);
    word by = b.number();
    if (by >= Y) return made;
    for (size_t n = 0; n < made.words; n++) {
        size_t from = n - by / 64, shift = by % 64;
        word low = n > by / 64 && shift ? wider.at(from - 1) >> (64 - shift) : 0;
        made.put(n, n >= by / 64 ? wider.at(from) << shift | low : 0);
    }
    return made;
}
template <size_t Y, size_t A, size_t B>
INLINE value<Y> shr_uu(const value<A> &a, const value<B> &b) {
    value<Y> made;
    word by = b.number();
    for (size_t n = 0; by < A && n < made.words; n++) made.put(n, a.from(by + 64 * n));
    return made;
}
template <size_t Y, size_t A, size_t B>
INLINE value<Y> sshr_su(const value<A> &a, const value<B> &b) {
    narrow<Y, A>();
    return value<Y>::of((word)(a.extended() >> (b.number() < 63 ? b.number() : 63)));
}
#define SAME(name, as)                                                                             \
    template <size_t Y, size_t A, size_t B>                                                        \
    INLINE value<Y> name(const value<A> &a, const value<B> &b) {                                   \
        return as<Y>(a, b);                                                                        \
    }
SAME(shift_uu, shr_uu)
SAME(shiftx_uu, shr_uu)
SAME(sshl_uu, shl_uu)
SAME(sshr_uu, shr_uu)

} // namespace cxxrtl

namespace cxxrtl_yosys {
using namespace cxxrtl;
}
