package dev.outboard.netty;

import java.net.Inet4Address;
import java.net.Inet6Address;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.util.Map;
import java.util.regex.Pattern;

/**
 * Which addresses an interface has, and where packets go that are for others than its neighbours.
 *
 * @param ipv4 null for none
 * @param gateway4 null where only neighbours are talked to
 * @param ipv6 null for the link-local one alone, which every interface has
 * @param gateway6 null where only neighbours are talked to
 */
public record IpSettings(
        Inet4Address ipv4,
        int prefix4,
        Inet4Address gateway4,
        Inet6Address ipv6,
        int prefix6,
        Inet6Address gateway6) {
    /** In words, for a client's help. */
    public static final String HELP = "ip=10.0.2.15/24 gateway=ADDRESS ip6=ADDRESS/64 gateway6=";

    private static final Pattern IPV4 = Pattern.compile("\\d{1,3}(\\.\\d{1,3}){3}");
    private static final Pattern IPV6 = Pattern.compile("[0-9a-fA-F:.]*:[0-9a-fA-F:.]*");
    private static final String ABSENT = "10.0.2.15/24";

    /** Checks the values. */
    public IpSettings {
        check("prefix4", prefix4, Integer.SIZE - 2);
        check("prefix6", prefix6, Byte.SIZE * 16);
        if (ipv4 != null && (ipv4.isMulticastAddress() || ipv4.isAnyLocalAddress())
                || ipv6 != null && (ipv6.isMulticastAddress() || ipv6.isAnyLocalAddress())) {
            throw new IllegalArgumentException(
                    "an interface has the address of one host: not %s, %s".formatted(ipv4, ipv6));
        }
        if (gateway4 != null && (ipv4 == null || !isIn(gateway4, ipv4, prefix4))) {
            throw new IllegalArgumentException(
                    "gateway=%s is not in the network of the interface's own address"
                            .formatted(gateway4.getHostAddress()));
        }
    }

    private static void check(String name, int prefix, int most) {
        if (prefix < 1 || prefix > most) {
            throw new IllegalArgumentException(
                    "%s=%d is not 1 to %d".formatted(name, prefix, most));
        }
    }

    /** An IPv4 address alone, as {@code 10.0.2.15/24}. */
    public static IpSettings of(String address) {
        return of(Map.of("ip", address));
    }

    /**
     * From a client's options: {@link #HELP}.
     *
     * @throws IllegalArgumentException if one is wrong; the message names it
     */
    public static IpSettings of(Map<String, String> options) {
        var ip4 = options.getOrDefault("ip", options.containsKey("ip6") ? "" : ABSENT);
        var ip6 = options.getOrDefault("ip6", "");
        return new IpSettings(
                (Inet4Address) address("ip", ip4, IPV4),
                prefix("ip", ip4, 24),
                (Inet4Address) address("gateway", options.getOrDefault("gateway", ""), IPV4),
                (Inet6Address) address("ip6", ip6, IPV6),
                prefix("ip6", ip6, 64),
                (Inet6Address) address("gateway6", options.getOrDefault("gateway6", ""), IPV6));
    }

    /** Names are not looked up: only what is an address as it stands is one. */
    private static InetAddress address(String option, String text, Pattern form) {
        var bare = text.indexOf('/') < 0 ? text : text.substring(0, text.indexOf('/'));
        if (bare.isEmpty()) {
            return null;
        }
        try {
            var found = form.matcher(bare).matches() ? InetAddress.getByName(bare) : null;
            if (found != null && (form == IPV4) == found instanceof Inet4Address) {
                return found;
            }
        } catch (UnknownHostException none) {
            // Told below.
        }
        throw new IllegalArgumentException(
                "option %s=%s is no address: write it as %s"
                        .formatted(option, text, form == IPV4 ? "10.0.2.15" : "fd00::15"));
    }

    private static int prefix(String option, String text, int absent) {
        if (text.indexOf('/') < 0) {
            return absent;
        }
        try {
            return Integer.parseInt(text.substring(text.indexOf('/') + 1));
        } catch (NumberFormatException e) {
            throw new IllegalArgumentException(
                    "option %s=%s: behind / comes the length of the network's prefix"
                            .formatted(option, text),
                    e);
        }
    }

    /** Whether two addresses begin with the same bits. */
    static boolean isIn(InetAddress one, InetAddress other, int prefix) {
        byte[] left = one.getAddress();
        byte[] right = other.getAddress();
        if (left.length != right.length) {
            return false;
        }
        int whole = prefix / Byte.SIZE;
        for (int i = 0; i < whole; i++) {
            if (left[i] != right[i]) {
                return false;
            }
        }
        int rest = prefix % Byte.SIZE;
        return rest == 0 || ((left[whole] ^ right[whole]) & 0xff) >>> Byte.SIZE - rest == 0;
    }
}
