package dev.outboard.uio;

import dev.outboard.uio.nativecall.ControlCalls;
import dev.outboard.uio.nativecall.StatxDescriptor;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/**
 * What {@code statx} tells of an open descriptor.
 *
 * @param mode type and permissions
 * @param device the number of its file system
 * @param inode the file's number in its file system
 * @param lengthBytes its length; 0 for a device
 * @param blockBytes what its file system deals in; of huge pages, the size of one
 */
record FileStatus(int mode, long device, long inode, long lengthBytes, int blockBytes) {
    static FileStatus of(Descriptor descriptor) {
        byte[] raw = new byte[StatxDescriptor.SIZE_BYTES];
        int number = descriptor.number();
        Failures.check(ControlCalls.statx(number, raw), "statx", Failures.descriptor(number));
        ByteBuffer fields = ByteBuffer.wrap(raw).order(ByteOrder.nativeOrder());
        return new FileStatus(
                fields.getShort(StatxDescriptor.MODE_OFFSET) & 0xffff,
                fields.getLong(StatxDescriptor.DEVICE_OFFSET),
                fields.getLong(StatxDescriptor.INODE_OFFSET),
                fields.getLong(StatxDescriptor.SIZE_OFFSET),
                fields.getInt(StatxDescriptor.BLOCK_BYTES_OFFSET));
    }

    /** The type bits of the mode. */
    int type() {
        return mode & StatxDescriptor.TYPE_MASK;
    }
}
