"""Networks: arrays in, arrays out, without model files, seeds or optimizers.

The decoder, from the whole to its parts:

    decoder             the prefix LM over text and image ids: embedding, layers, head; `hidden`, `extend` for a cache
    blocks              one layer of it: norm, attention, norm, MLP
    attention           the prefix mask, rotary positions, self-attention; `attention_kind` chooses the implementation
    attention_kernels   splash attention on TPUs, cuDNN's on GPUs; the mask as spans, the form that kernels take
    dense               dense layers, in the layout of training or in the one that is fastest for decoding on CPUs
    flops               model FLOPs of a training step, and the number of parameters

The image tokenizer:

    image_tokenizer     a VQGAN with its weights: uint8 images to codes and back, jitted; its fingerprint
    vqgan               the network: encoder, codebook, decoder
    vqgan_blocks        its parts: group norm, convolutions, residual and attention blocks, levels
    upsampling          doubling a feature map and convolving it, in 4/9 of the multiplications
    scales              codes in several grids, coarse to fine: each grid encodes the residual of those before it
    quantizer           the nearest code, its straight-through gradient, and updates that keep all codes in use
    discriminator       the patch discriminator, for adversarial training of the VQGAN's decoder
    label_network       networks that predict labels from faces or codes, for training of the VQGAN; their losses

Networks that compare images, with weights that the user provides:

    lpips               the perceptual distance of two images (features of VGG16, AlexNet, SqueezeNet)
    inception           FID's Inception-v3: images -> features
    clip                CLIP: images and texts -> vectors of one space
    resampling          images resized as other programs resize them before a feature network

All of them:

    params              initial parameters, their shapes without arrays, and layers stacked or single

Read first: `decoder.Decoder`, and `attention.visible` for the mask. Other rooms call `decoder.apply_decoder`,
`params.init_decoder` and `image_tokenizer.ImageTokenizer`.
"""
