package dev.outboard.netty;

import io.netty.channel.AbstractChannel;
import io.netty.channel.ChannelFuture;
import io.netty.channel.ChannelPromise;
import io.netty.channel.socket.DatagramChannel;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.NetworkInterface;
import java.util.Set;
import java.util.concurrent.CopyOnWriteArraySet;

/**
 * The part of a channel that is about groups: joined for this interface, whoever sends. Any thread.
 */
abstract sealed class GroupChannel extends AbstractChannel implements DatagramChannel
        permits DriverDatagramChannel {
    private final Set<Address> groups = new CopyOnWriteArraySet<>();

    GroupChannel() {
        super(null);
    }

    @Override
    public final InetSocketAddress localAddress() {
        return (InetSocketAddress) super.localAddress();
    }

    @Override
    public final InetSocketAddress remoteAddress() {
        return (InetSocketAddress) super.remoteAddress();
    }

    final boolean isJoined(Address group) {
        return groups.contains(group);
    }

    @Override
    public final ChannelFuture joinGroup(InetAddress group) {
        return joinGroup(group, newPromise());
    }

    @Override
    public final ChannelFuture joinGroup(InetAddress group, ChannelPromise promise) {
        if (!group.isMulticastAddress()) {
            return promise.setFailure(
                    new IllegalArgumentException(group.getHostAddress() + " is no group"));
        }
        groups.add(Address.of(group));
        return promise.setSuccess();
    }

    @Override
    public final ChannelFuture joinGroup(InetSocketAddress group, NetworkInterface ignored) {
        return joinGroup(group.getAddress());
    }

    @Override
    public final ChannelFuture joinGroup(
            InetSocketAddress group, NetworkInterface ignored, ChannelPromise promise) {
        return joinGroup(group.getAddress(), promise);
    }

    @Override
    public final ChannelFuture joinGroup(
            InetAddress group, NetworkInterface ignored, InetAddress source) {
        return joinGroup(group, ignored, source, newPromise());
    }

    @Override
    public final ChannelFuture joinGroup(
            InetAddress group,
            NetworkInterface ignored,
            InetAddress source,
            ChannelPromise promise) {
        return source == null ? joinGroup(group, promise) : bySource(promise);
    }

    @Override
    public final ChannelFuture leaveGroup(InetAddress group) {
        return leaveGroup(group, newPromise());
    }

    @Override
    public final ChannelFuture leaveGroup(InetAddress group, ChannelPromise promise) {
        groups.remove(Address.of(group));
        return promise.setSuccess();
    }

    @Override
    public final ChannelFuture leaveGroup(InetSocketAddress group, NetworkInterface ignored) {
        return leaveGroup(group.getAddress());
    }

    @Override
    public final ChannelFuture leaveGroup(
            InetSocketAddress group, NetworkInterface ignored, ChannelPromise promise) {
        return leaveGroup(group.getAddress(), promise);
    }

    @Override
    public final ChannelFuture leaveGroup(
            InetAddress group, NetworkInterface ignored, InetAddress source) {
        return leaveGroup(group, ignored, source, newPromise());
    }

    @Override
    public final ChannelFuture leaveGroup(
            InetAddress group,
            NetworkInterface ignored,
            InetAddress source,
            ChannelPromise promise) {
        return source == null ? leaveGroup(group, promise) : bySource(promise);
    }

    @Override
    public final ChannelFuture block(
            InetAddress group, NetworkInterface ignored, InetAddress source) {
        return bySource(newPromise());
    }

    @Override
    public final ChannelFuture block(
            InetAddress group,
            NetworkInterface ignored,
            InetAddress source,
            ChannelPromise promise) {
        return bySource(promise);
    }

    @Override
    public final ChannelFuture block(InetAddress group, InetAddress source) {
        return bySource(newPromise());
    }

    @Override
    public final ChannelFuture block(
            InetAddress group, InetAddress source, ChannelPromise promise) {
        return bySource(promise);
    }

    private static ChannelFuture bySource(ChannelPromise promise) {
        return promise.setFailure(
                new UnsupportedOperationException(
                        "groups here are joined whoever sends to them: filter in a handler"));
    }
}
