package dev.outboard.uio.vfiouser;

import dev.outboard.uio.UnixSocket;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;

/**
 * Layouts of the vfio-user protocol, host byte order, which is little-endian where it is spoken.
 *
 * <pre>
 *   header     00 id u16  02 command u16  04 length u32, all of it  08 flags u32  0c error u32
 *   VERSION    00 major u16  02 minor u16  04 capabilities, JSON, ended by 0
 *   DMA_MAP    00 argsz u32  04 flags u32  08 offset in the file u64  10 address u64  18 length u64
 *   DMA_UNMAP  00 argsz u32  04 flags u32  08 address u64  10 length u64
 *   DEVICE     00 argsz u32  04 flags u32  08 regions u32  0c interrupts u32
 *   REGION     00 argsz u32  04 flags u32  08 index u32  0c capability at u32  10 length u64
 *              18 offset in the file u64
 *   IRQ        00 argsz u32  04 flags u32  08 index u32  0c count u32
 *   SET_IRQS   00 argsz u32  04 flags u32  08 index u32  0c first u32  10 count u32  14 data
 *   REGION I/O 00 offset u64  08 region u32  0c count u32  10 data
 *   DMA I/O    00 address u64  08 count u64  10 data
 * </pre>
 */
final class VfioUserDescriptor {
    static final int HEADER_BYTES = 16;
    static final int ID = 0;
    static final int COMMAND = 2;
    static final int LENGTH = 4;
    static final int FLAGS = 8;
    static final int ERROR = 12;

    static final int TYPE_MASK = 0xf;
    static final int TYPE_COMMAND = 0;
    static final int TYPE_REPLY = 1;
    static final int FLAG_NO_REPLY = 1 << 4;
    static final int FLAG_ERROR = 1 << 5;

    static final int VERSION = 1;
    static final int DMA_MAP = 2;
    static final int DMA_UNMAP = 3;
    static final int DEVICE_INFO = 4;
    static final int REGION_INFO = 5;
    static final int IRQ_INFO = 7;
    static final int SET_IRQS = 8;
    static final int REGION_READ = 9;
    static final int REGION_WRITE = 10;
    static final int DMA_READ = 11;
    static final int DMA_WRITE = 12;
    static final int RESET = 13;

    static final int VERSION_BYTES = 4;
    static final int DMA_MAP_BYTES = 32;
    static final int DMA_UNMAP_BYTES = 24;
    static final int DEVICE_BYTES = 16;
    static final int REGION_BYTES = 32;
    static final int IRQ_BYTES = 16;
    static final int SET_IRQS_BYTES = 20;
    static final int ACCESS_BYTES = 16;

    static final int MAP_READABLE = 1;
    static final int MAP_WRITABLE = 2;
    static final int UNMAP_ALL = 2;

    static final int DEVICE_RESET = 1;
    static final int DEVICE_PCI = 2;

    static final int REGION_READABLE = 1;
    static final int REGION_WRITABLE = 2;
    static final int REGION_MAPPABLE = 4;
    static final int REGION_HAS_CAPABILITIES = 8;
    static final int CAPABILITY_SPARSE = 1;

    /** id u16, version u16, next u32, areas u32, 0 u32; then offset u64, length u64 of each. */
    static final int SPARSE_BYTES = 16;

    static final int AREA_BYTES = 16;

    static final int IRQ_EVENT = 1;
    static final int IRQ_NO_RESIZE = 1 << 3;
    static final int IRQ_DATA_NONE = 1;
    static final int IRQ_DATA_BOOL = 1 << 1;
    static final int IRQ_DATA_EVENT = 1 << 2;
    static final int IRQ_MASK = 1 << 3;
    static final int IRQ_UNMASK = 1 << 4;
    static final int IRQ_TRIGGER = 1 << 5;

    static final int INTX = 0;
    static final int MSI = 1;
    static final int MSIX = 2;

    /** Regions 0 to 5 are base addresses. */
    static final int CONFIGURATION_REGION = 7;

    static final int REGIONS = 9;
    static final int IRQS = 5;

    /** The most data of one access that we take, and that a peer must take. */
    static final int MOST_DATA_BYTES = 1 << 20;

    /** Longer than any message that is none of hostile make. */
    static final int MOST_MESSAGE_BYTES = HEADER_BYTES + ACCESS_BYTES + MOST_DATA_BYTES + 4096;

    /** Descriptors of one message. */
    static final int MOST_DESCRIPTORS = UnixSocket.MAX_DESCRIPTORS;

    static final ValueLayout.OfShort U16 =
            ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    static final ValueLayout.OfInt U32 =
            ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    static final ValueLayout.OfLong U64 =
            ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

    private VfioUserDescriptor() {}

    /** A command in words. */
    static String name(int command) {
        return switch (command) {
            case VERSION -> "VERSION";
            case DMA_MAP -> "DMA_MAP";
            case DMA_UNMAP -> "DMA_UNMAP";
            case DEVICE_INFO -> "DEVICE_GET_INFO";
            case REGION_INFO -> "DEVICE_GET_REGION_INFO";
            case IRQ_INFO -> "DEVICE_GET_IRQ_INFO";
            case SET_IRQS -> "DEVICE_SET_IRQS";
            case REGION_READ -> "REGION_READ";
            case REGION_WRITE -> "REGION_WRITE";
            case DMA_READ -> "DMA_READ";
            case DMA_WRITE -> "DMA_WRITE";
            case RESET -> "DEVICE_RESET";
            default -> "command " + command;
        };
    }
}
