package dev.outboard.uio.pci;

/**
 * Where things are in a configuration space with a header of type 0.
 *
 * <pre>
 *   00 vendor u16   02 device u16    04 command u16   06 status u16
 *   08 revision u8  09 class u24     0e header type u8
 *   10 six base addresses u32        2c subsystem vendor u16  2e subsystem u16
 *   34 first capability u8           3d interrupt pin u8
 * </pre>
 *
 * <p>Source: PCI Local Bus Specification 3.0, sections 6.1, 6.2, 6.7, 6.8.
 */
public final class ConfigurationDescriptor {
    public static final int VENDOR = 0x00;
    public static final int DEVICE = 0x02;
    public static final int COMMAND = 0x04;
    public static final int STATUS = 0x06;
    public static final int REVISION = 0x08;
    public static final int CLASS = 0x09;
    public static final int HEADER_TYPE = 0x0e;
    public static final int BASE_ADDRESSES = 0x10;
    public static final int SUBSYSTEM_VENDOR = 0x2c;
    public static final int SUBSYSTEM = 0x2e;
    public static final int CAPABILITIES = 0x34;
    public static final int INTERRUPT_PIN = 0x3d;

    /** The length without the extended space. */
    public static final int LENGTH_BYTES = 256;

    /** The length with it. */
    public static final int EXTENDED_LENGTH_BYTES = 4096;

    /** How many base addresses there are. */
    public static final int BASE_ADDRESS_COUNT = 6;

    /** What is read where there is no function. */
    public static final int NO_VENDOR = 0xffff;

    /** Bits of the command register. */
    public static final int COMMAND_IO = 1;

    public static final int COMMAND_MEMORY = 1 << 1;
    public static final int COMMAND_BUS_MASTER = 1 << 2;
    public static final int COMMAND_INTX_DISABLE = 1 << 10;

    /** Bit of the status register: there is a list of capabilities. */
    public static final int STATUS_CAPABILITIES = 1 << 4;

    private ConfigurationDescriptor() {}
}
