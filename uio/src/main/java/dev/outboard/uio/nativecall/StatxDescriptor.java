package dev.outboard.uio.nativecall;

/**
 * {@code struct statx} of {@code linux/stat.h}: the same on every architecture, which {@code struct
 * stat} is not. Only the fields that are used.
 *
 * <pre>
 *    0               4               8              16
 *   +---------------+---------------+---------------+
 *   | mask          | block size (4)| attributes    |
 *   +---------------+---------------+---------------+
 *   | nlink (16)    | uid (20)      | gid (24), mode (28, 2 bytes)
 *   +---------------+---------------+---------------+
 *   | inode (32)                    | size (40)     | …
 *   +-------------------------------+---------------+
 *   | … times (64 to 127)           | rdev (128)    |
 *   +-------------------------------+---------------+
 *   | device, major and minor (136) | …
 *   +-------------------------------+
 * </pre>
 */
public final class StatxDescriptor {
    public static final int BLOCK_BYTES_OFFSET = 4;
    public static final int MODE_OFFSET = 28;
    public static final int INODE_OFFSET = 32;
    public static final int SIZE_OFFSET = 40;
    public static final int DEVICE_OFFSET = 136;
    public static final int SIZE_BYTES = 256;

    /** {@code AT_EMPTY_PATH}: about the descriptor itself. */
    public static final int AT_EMPTY_PATH = 0x1000;

    /** {@code STATX_BASIC_STATS}. */
    public static final int STATX_BASIC_STATS = 0x7ff;

    /** {@code S_IFMT} of the mode. */
    public static final int TYPE_MASK = 0xf000;

    /** {@code S_IFREG}. */
    public static final int TYPE_REGULAR = 0x8000;

    /** {@code S_IFBLK}. */
    public static final int TYPE_BLOCK = 0x6000;

    private StatxDescriptor() {}
}
