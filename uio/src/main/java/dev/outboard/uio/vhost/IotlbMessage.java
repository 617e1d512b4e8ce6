package dev.outboard.uio.vhost;

/**
 * What passes about translations when VIRTIO_F_ACCESS_PLATFORM is on. Source: vhost-user.rst, "An
 * IOTLB message"; {@code struct vhost_iotlb_msg}, which is 32 bytes with its padding.
 *
 * @param iova where the device sees it
 * @param lengthBytes how much of it; of a miss, may be 0
 * @param userAddress where the front-end has it; only an update has one
 * @param access 1 to read, 2 to write, 3 both, as seen by the device
 * @param type one of MISS, UPDATE, INVALIDATE, ACCESS_FAILURE
 */
public record IotlbMessage(long iova, long lengthBytes, long userAddress, int access, int type) {
    /** The back-end lacks a translation. */
    public static final int MISS = 1;

    /** The front-end gives a translation. */
    public static final int UPDATE = 2;

    /** The front-end takes translations away. */
    public static final int INVALIDATE = 3;

    /** The back-end was refused an access. */
    public static final int ACCESS_FAILURE = 4;

    private static final int ACCESS_MASK = 3;

    /** The last byte of a range, unsigned; the last there is, if the range runs over it. */
    public long lastIova() {
        long last = iova + lengthBytes - 1;
        return Long.compareUnsigned(last, iova) < 0 ? -1 : last;
    }

    static IotlbMessage of(Message message) {
        return new IotlbMessage(
                message.getLong(PayloadDescriptor.IOTLB_IOVA_OFFSET),
                message.getLong(PayloadDescriptor.IOTLB_LENGTH_OFFSET),
                message.getLong(PayloadDescriptor.IOTLB_USER_OFFSET),
                message.getByte(PayloadDescriptor.IOTLB_ACCESS_OFFSET),
                message.getByte(PayloadDescriptor.IOTLB_TYPE_OFFSET));
    }

    void writeTo(Message message) {
        message.putLong(PayloadDescriptor.IOTLB_IOVA_OFFSET, iova)
                .putLong(PayloadDescriptor.IOTLB_LENGTH_OFFSET, lengthBytes)
                .putLong(PayloadDescriptor.IOTLB_USER_OFFSET, userAddress)
                .putByte(PayloadDescriptor.IOTLB_ACCESS_OFFSET, access)
                .putByte(PayloadDescriptor.IOTLB_TYPE_OFFSET, type);
    }

    /** Refuses a range that runs over the end of the addresses, and access that is none. */
    void requirePlausible() {
        requirePlausible(iova, lengthBytes, userAddress, access, type);
    }

    /** To drop too much does no harm: of an invalidation, length and end may be any. */
    void requirePlausibleOrDrop() {
        if (type != INVALIDATE) {
            requirePlausible();
        }
    }

    /** The same, before there is a message. */
    static void requirePlausible(
            long iova, long lengthBytes, long userAddress, int access, int type) {
        boolean plausible =
                lengthBytes >= 0
                        && Long.compareUnsigned(iova + lengthBytes, iova) >= 0
                        && Long.compareUnsigned(userAddress + lengthBytes, userAddress) >= 0
                        && (access & ~ACCESS_MASK) == 0
                        && (type != UPDATE || lengthBytes > 0 && access != 0);
        if (!plausible) {
            throw new VhostProtocolException(
                    "this is no IOTLB message: "
                            + new IotlbMessage(iova, lengthBytes, userAddress, access, type));
        }
    }

    @Override
    public String toString() {
        return "type=%d iova=0x%x lengthBytes=0x%x userAddress=0x%x access=%d"
                .formatted(type, iova, lengthBytes, userAddress, access);
    }
}
