package dev.outboard.virtio.net;

import dev.outboard.virtio.NetDescriptor;
import dev.outboard.virtio.VirtioFeatures;
import dev.outboard.virtio.VirtqueueDescriptor;
import java.lang.foreign.MemorySegment;
import java.security.SecureRandom;
import java.util.Arrays;
import java.util.HexFormat;

/**
 * What the configuration space says (VIRTIO 1.2, section 5.1.4), as far as the accepted features
 * let it be believed.
 */
record NetConfig(byte[] mac, int mtuBytes, boolean linkUp, boolean isAnnounceWanted) {
    private static final int MAC_BYTES = 6;

    /** The least MTU a device may give (section 5.1.4.1). */
    private static final int MINIMUM_MTU_BYTES = 68;

    /** The largest that buffers are taken for: three pages, as jumbo frames are. */
    private static final int MOST_MTU_BYTES = 9216;

    /** The features that are of no use without a configuration space to read. */
    static final long FEATURES =
            VirtioFeatures.NET_MAC | VirtioFeatures.NET_STATUS | VirtioFeatures.NET_MTU;

    /**
     * @param config the space, or null where there is none
     */
    static NetConfig read(byte[] config, long features) {
        byte[] mac = null;
        int mtu = NetDescriptor.DEFAULT_MTU_BYTES;
        boolean up = true;
        boolean announce = false;
        if (config != null) {
            var space = MemorySegment.ofArray(config);
            if ((features & VirtioFeatures.NET_MAC) != 0) {
                mac = Arrays.copyOf(config, MAC_BYTES);
            }
            if ((features & VirtioFeatures.NET_MTU) != 0) {
                int given = unsignedShort(space, NetDescriptor.CONFIG_MTU_OFFSET);
                mtu = given >= MINIMUM_MTU_BYTES ? Math.min(given, MOST_MTU_BYTES) : mtu;
            }
            if ((features & VirtioFeatures.NET_STATUS) != 0) {
                int status = unsignedShort(space, NetDescriptor.CONFIG_STATUS_OFFSET);
                up = (status & NetDescriptor.STATUS_LINK_UP) != 0;
                announce = (status & NetDescriptor.STATUS_ANNOUNCE) != 0;
            }
        }
        return new NetConfig(mac != null ? mac : randomMac(), mtu, up, announce);
    }

    /** How many pairs of queues a device has, as a space says that is not checked yet. */
    static int pairs(byte[] config) {
        return unsignedShort(MemorySegment.ofArray(config), NetDescriptor.CONFIG_PAIRS_OFFSET);
    }

    private static int unsignedShort(MemorySegment space, int offset) {
        return space.get(VirtqueueDescriptor.U16.withByteAlignment(1), offset) & 0xffff;
    }

    /** A locally administered unicast address, where the device has none of its own. */
    private static byte[] randomMac() {
        var mac = new byte[MAC_BYTES];
        new SecureRandom().nextBytes(mac);
        mac[0] = (byte) (mac[0] & 0xfc | 0x02);
        return mac;
    }

    static String text(byte[] mac) {
        return HexFormat.ofDelimiter(":").formatHex(mac);
    }
}
