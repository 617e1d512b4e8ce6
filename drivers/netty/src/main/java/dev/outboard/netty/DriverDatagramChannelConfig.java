package dev.outboard.netty;

import io.netty.buffer.ByteBufAllocator;
import io.netty.channel.ChannelException;
import io.netty.channel.ChannelOption;
import io.netty.channel.DefaultChannelConfig;
import io.netty.channel.FixedRecvByteBufAllocator;
import io.netty.channel.MessageSizeEstimator;
import io.netty.channel.RecvByteBufAllocator;
import io.netty.channel.WriteBufferWaterMark;
import io.netty.channel.socket.DatagramChannelConfig;
import java.net.InetAddress;
import java.net.NetworkInterface;
import java.util.Map;

/** The settings of a channel: those of UDP that mean something without a kernel. Any thread. */
final class DriverDatagramChannelConfig extends DefaultChannelConfig
        implements DatagramChannelConfig, FrameOutput.Options {
    private static final int DEFAULT_TTL = 64;
    private static final int MOST = 255;
    private static final int LEAST_DATAGRAMS = 16;
    private static final int DATAGRAM_BYTES = 2048;
    private static final int DEFAULT_RECEIVE_BYTES = 256 * DATAGRAM_BYTES;

    private volatile boolean isReuseAddress;
    private volatile boolean isBroadcast;
    private volatile int trafficClass;
    private volatile int groupTimeToLive = 1;
    private volatile int timeToLive = DEFAULT_TTL;
    private volatile int receiveBytes = DEFAULT_RECEIVE_BYTES;
    private volatile boolean hasAllocator;

    DriverDatagramChannelConfig(DriverDatagramChannel channel) {
        super(channel, new FixedRecvByteBufAllocator(DATAGRAM_BYTES));
    }

    @Override
    public Map<ChannelOption<?>, Object> getOptions() {
        return getOptions(
                super.getOptions(),
                ChannelOption.SO_BROADCAST,
                ChannelOption.SO_REUSEADDR,
                ChannelOption.SO_RCVBUF,
                ChannelOption.IP_TOS,
                ChannelOption.IP_MULTICAST_TTL);
    }

    @Override
    @SuppressWarnings("unchecked")
    public <T> T getOption(ChannelOption<T> option) {
        if (option == ChannelOption.SO_BROADCAST) {
            return (T) Boolean.valueOf(isBroadcast);
        }
        if (option == ChannelOption.SO_REUSEADDR) {
            return (T) Boolean.valueOf(isReuseAddress);
        }
        if (option == ChannelOption.SO_RCVBUF) {
            return (T) Integer.valueOf(receiveBytes);
        }
        if (option == ChannelOption.IP_TOS) {
            return (T) Integer.valueOf(trafficClass);
        }
        if (option == ChannelOption.IP_MULTICAST_TTL) {
            return (T) Integer.valueOf(groupTimeToLive);
        }
        return super.getOption(option);
    }

    @Override
    public <T> boolean setOption(ChannelOption<T> option, T value) {
        validate(option, value);
        if (option == ChannelOption.SO_BROADCAST) {
            setBroadcast((Boolean) value);
        } else if (option == ChannelOption.SO_REUSEADDR) {
            setReuseAddress((Boolean) value);
        } else if (option == ChannelOption.SO_RCVBUF) {
            setReceiveBufferSize((Integer) value);
        } else if (option == ChannelOption.IP_TOS) {
            setTrafficClass((Integer) value);
        } else if (option == ChannelOption.IP_MULTICAST_TTL) {
            setTimeToLive((Integer) value);
        } else {
            return super.setOption(option, value);
        }
        return true;
    }

    @Override
    public int timeToLive(boolean isMany) {
        return isMany ? groupTimeToLive : timeToLive;
    }

    @Override
    public int trafficClass() {
        return trafficClass;
    }

    /** How many datagrams wait for a channel that does not read. */
    int mostWaiting() {
        return Math.max(LEAST_DATAGRAMS, receiveBytes / DATAGRAM_BYTES);
    }

    /** The interface's, where the program has chosen none. */
    void offerAllocator(ByteBufAllocator allocator) {
        if (!hasAllocator) {
            super.setAllocator(allocator);
        }
    }

    @Override
    public int getSendBufferSize() {
        return receiveBytes;
    }

    /** The queue has the size that the driver gave it; the water mark is what a program sets. */
    @Override
    public DatagramChannelConfig setSendBufferSize(int bytes) {
        return this;
    }

    @Override
    public int getReceiveBufferSize() {
        return receiveBytes;
    }

    @Override
    public DatagramChannelConfig setReceiveBufferSize(int bytes) {
        if (bytes <= 0) {
            throw new IllegalArgumentException("SO_RCVBUF=" + bytes + " is not positive");
        }
        receiveBytes = bytes;
        return this;
    }

    @Override
    public int getTrafficClass() {
        return trafficClass;
    }

    @Override
    public DatagramChannelConfig setTrafficClass(int value) {
        trafficClass = checked("IP_TOS", value);
        return this;
    }

    private static int checked(String name, int value) {
        if (value < 0 || value > MOST) {
            throw new IllegalArgumentException("%s=%d is not 0 to 255".formatted(name, value));
        }
        return value;
    }

    @Override
    public boolean isReuseAddress() {
        return isReuseAddress;
    }

    @Override
    public DatagramChannelConfig setReuseAddress(boolean isWanted) {
        isReuseAddress = isWanted;
        return this;
    }

    @Override
    public boolean isBroadcast() {
        return isBroadcast;
    }

    @Override
    public DatagramChannelConfig setBroadcast(boolean isWanted) {
        isBroadcast = isWanted;
        return this;
    }

    @Override
    public boolean isLoopbackModeDisabled() {
        return true;
    }

    @Override
    public DatagramChannelConfig setLoopbackModeDisabled(boolean isDisabled) {
        if (!isDisabled) {
            throw new ChannelException(
                    "what this interface sends to a group does not come back to it");
        }
        return this;
    }

    @Override
    public int getTimeToLive() {
        return groupTimeToLive;
    }

    @Override
    public DatagramChannelConfig setTimeToLive(int value) {
        groupTimeToLive = checked("IP_MULTICAST_TTL", value);
        return this;
    }

    @Override
    public InetAddress getInterface() {
        return null;
    }

    @Override
    public DatagramChannelConfig setInterface(InetAddress address) {
        throw new ChannelException("a channel here has one interface: its event loop's");
    }

    @Override
    public NetworkInterface getNetworkInterface() {
        return null;
    }

    @Override
    public DatagramChannelConfig setNetworkInterface(NetworkInterface wanted) {
        throw new ChannelException("a channel here has one interface: its event loop's");
    }

    @Override
    public DatagramChannelConfig setWriteSpinCount(int count) {
        super.setWriteSpinCount(count);
        return this;
    }

    @Override
    public DatagramChannelConfig setConnectTimeoutMillis(int millis) {
        super.setConnectTimeoutMillis(millis);
        return this;
    }

    @Override
    @Deprecated
    public DatagramChannelConfig setMaxMessagesPerRead(int count) {
        super.setMaxMessagesPerRead(count);
        return this;
    }

    @Override
    public DatagramChannelConfig setAllocator(ByteBufAllocator allocator) {
        hasAllocator = true;
        super.setAllocator(allocator);
        return this;
    }

    @Override
    public DatagramChannelConfig setRecvByteBufAllocator(RecvByteBufAllocator allocator) {
        super.setRecvByteBufAllocator(allocator);
        return this;
    }

    @Override
    public DatagramChannelConfig setAutoRead(boolean isWanted) {
        super.setAutoRead(isWanted);
        return this;
    }

    @Override
    public DatagramChannelConfig setAutoClose(boolean isWanted) {
        super.setAutoClose(isWanted);
        return this;
    }

    @Override
    public DatagramChannelConfig setMessageSizeEstimator(MessageSizeEstimator estimator) {
        super.setMessageSizeEstimator(estimator);
        return this;
    }

    @Override
    public DatagramChannelConfig setWriteBufferWaterMark(WriteBufferWaterMark mark) {
        super.setWriteBufferWaterMark(mark);
        return this;
    }
}
